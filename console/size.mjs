// What a browser loads first, and what each screen adds when it is opened, gzipped, against the budget.
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const FIRST_BYTES_MAX = { '.js': 130_000, '.css': 12_000 };
const ROUTE_BYTES_MAX = 20_000;
const folder = new URL('../src/avance/edge/_console/', import.meta.url);
const page = readFileSync(new URL('index.html', folder), 'utf8');
const names = readdirSync(folder, { recursive: true }).filter((name) => /\.(js|css)$/.test(name));
const read = (name) => readFileSync(new URL(name, folder), 'utf8');
const sizeOf = (name) => gzipSync(read(name), { level: 9 }).length;

/** The scripts that a script loads with itself; those of `import()` come later. */
function withImports(name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  const imported = read(name).matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g);
  for (const [, file] of imported) withImports(`assets/${file}`, found);
  return found;
}

function check(what, bytes, bytesMax) {
  const isOver = bytes > bytesMax || bytes === 0;
  if (isOver) process.exitCode = 1;
  const verdict = isOver ? 'OVER ' : 'ok   ';
  process.stdout.write(`${verdict}console ${what} ${bytes} of ${bytesMax} bytes\n`);
}

const first = new Set();
for (const name of names.filter((one) => page.includes(`./${one}"`))) {
  if (name.endsWith('.js')) withImports(name, first);
  else first.add(name);
}
for (const [ending, bytesMax] of Object.entries(FIRST_BYTES_MAX)) {
  const loaded = [...first].filter((name) => name.endsWith(ending));
  check(
    `first load ${ending}`,
    loaded.reduce((sum, name) => sum + sizeOf(name), 0),
    bytesMax,
  );
}
const later = names.filter((name) => name.endsWith('.js') && !first.has(name));
for (const name of later) {
  const added = [...withImports(name)].filter((one) => !first.has(one));
  check(
    `on demand ${name.replace(/^assets\//, '')}`,
    added.reduce((sum, one) => sum + sizeOf(one), 0),
    ROUTE_BYTES_MAX,
  );
}
