// Own code of each package after minify and gzip, against its budget. Dependencies and peers stay outside.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';

const BUDGETS = [
  { name: '@avance/client', entry: 'clients/client/dist/index.js', bytesMax: 8_000 },
  { name: '@avance/react', entry: 'clients/react/dist/index.js', bytesMax: 8_000 },
];

const isOwn = (id) => id.startsWith('.') || id.startsWith('/');

let isOver = false;
for (const { name, entry, bytesMax } of BUDGETS) {
  readFileSync(entry);
  const bundle = await rolldown({ input: entry, external: (id) => !isOwn(id), logLevel: 'silent' });
  const { output } = await bundle.generate({ format: 'esm', minify: true });
  const bytes = output.reduce(
    (sum, file) => sum + gzipSync(file.code ?? file.source, { level: 9 }).length,
    0,
  );
  isOver ||= bytes > bytesMax;
  console.log(`${bytes > bytesMax ? 'OVER ' : 'ok   '}${name} ${bytes} of ${bytesMax} bytes`);
}
process.exitCode = isOver ? 1 : 0;
