// What a browser loads first, gzipped, against the budget.
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const BUDGETS = { '.js': 130_000, '.css': 12_000 };
const folder = new URL('../src/avance/edge/_console/', import.meta.url);
const page = readFileSync(new URL('index.html', folder), 'utf8');
const files = readdirSync(folder, { recursive: true }).filter((name) =>
  page.includes(`./${name}"`),
);

for (const [ending, bytesMax] of Object.entries(BUDGETS)) {
  const bytes = files
    .filter((name) => name.endsWith(ending))
    .reduce(
      (sum, name) => sum + gzipSync(readFileSync(new URL(name, folder)), { level: 9 }).length,
      0,
    );
  const isOver = bytes > bytesMax || bytes === 0;
  if (isOver) process.exitCode = 1;
  process.stdout.write(
    `${isOver ? 'OVER ' : 'ok   '}console first load ${ending} ${bytes} of ${bytesMax} bytes\n`,
  );
}
