// Own code of each package after minify and gzip, against its budget. Dependencies and peers stay outside.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';

const BUDGETS = [
  { name: '@avance/client', entry: 'clients/client/dist/index.js', bytesMax: 11_000 },
  { name: '@avance/client/sockets', entry: 'clients/client/dist/sockets.js', bytesMax: 2_500 },
  { name: '@avance/react', entry: 'clients/react/dist/index.js', bytesMax: 10_000 },
];

const isOwn = (id) => id.startsWith('.') || id.startsWith('/');

let isOver = false;
for (const { name, entry, bytesMax } of BUDGETS) {
  readFileSync(entry);
  const bundle = await rolldown({ input: entry, external: (id) => !isOwn(id), logLevel: 'silent' });
  const { output } = await bundle.generate({ format: 'esm', minify: true });
  // What a page loads by itself, not what it asks for in rare cases.
  const files = new Map(output.map((file) => [file.fileName, file]));
  const loaded = new Set();
  const load = (fileName) => {
    if (!files.has(fileName) || loaded.has(fileName)) return;
    loaded.add(fileName);
    files.get(fileName).imports.forEach(load);
  };
  load(output[0].fileName);
  const sizeOf = (fileName) => gzipSync(files.get(fileName).code, { level: 9 }).length;
  const bytes = [...loaded].reduce((sum, fileName) => sum + sizeOf(fileName), 0);
  isOver ||= bytes > bytesMax;
  for (const fileName of files.keys()) {
    if (!loaded.has(fileName)) console.log(`     ${name} ${sizeOf(fileName)} bytes on demand`);
  }
  console.log(`${bytes > bytesMax ? 'OVER ' : 'ok   '}${name} ${bytes} of ${bytesMax} bytes`);
}
process.exitCode = isOver ? 1 : 0;
