/** A table as a spreadsheet reads it. Text that a spreadsheet would run as a formula is defused. */
export function csvOf(rows: readonly (readonly (string | number)[])[]): string {
  // The mark at the beginning tells a spreadsheet that accents are UTF-8.
  return `\uFEFF${rows.map((row) => row.map(cellOf).join(',')).join('\r\n')}\r\n`;
}

function cellOf(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
