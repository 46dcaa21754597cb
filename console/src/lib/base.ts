/** Where the console is mounted, without a slash at the end: the server writes it into the page. */
export function consoleBase(): string {
  const written = document.querySelector<HTMLMetaElement>('meta[name="avance-base"]')?.content;
  const base = written === undefined || written === './' ? import.meta.env.BASE_URL : written;
  return base.replace(/\/$/, '');
}

/** Where the API is: the console stands below it. */
export function serverUrl(base: string): string {
  return base.replace(/\/console$/, '') || '/';
}
