// Runs before the first paint, so that a dark page never flashes white; the policy of the page allows no inline script.
try {
  const theme = localStorage.getItem('avance.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // A browser that forbids storage shows the theme of the system.
}
