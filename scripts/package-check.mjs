// What a stranger gets: both packages are packed, linted by publint, installed into an empty project,
// type-checked there under each module resolution, and imported by Node.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

const ROOT = resolve(import.meta.dirname, '..');
const PACKAGES = ['client', 'react'];
// The strictest of them also reads every declaration; that is mostly the work of checking those of React and of the browser.
const MODES = [
  { module: 'esnext', moduleResolution: 'bundler', file: 'use.ts', more: ['--skipLibCheck'] },
  { module: 'node16', moduleResolution: 'node16', file: 'use.mts', more: [] },
  { module: 'nodenext', moduleResolution: 'nodenext', file: 'use.mts', more: ['--skipLibCheck'] },
];
const USE = `
import { createAvance, type Job, TaskFailed } from '@avance/client';
import { openOcrSocket, type UploadProgress } from '@avance/client/sockets';
import { AvanceProvider, useJob } from '@avance/react';

const client = createAvance({ url: 'http://localhost', token: async () => 'a.b.c' });
export const result: Promise<number> = client.job<number>('j1').done();
export const provider: typeof AvanceProvider = AvanceProvider;
export function usePercent(): number | null {
  const { job, percent } = useJob<{ chunks: number }>('j1', { onComplete: ({ result }) => result?.chunks });
  const typed: Job<{ chunks: number }> | undefined = job;
  return typed === undefined ? null : percent;
}
// @ts-expect-error: a job has no such state
export const wrong: Job['state'] = 'done';
export const open: typeof openOcrSocket = openOcrSocket;
export const percentOf = (upload: UploadProgress): number => upload.progress_percent;
export const failed: typeof TaskFailed = TaskFailed;
`;

let isBad = false;

function run(program, args, cwd) {
  try {
    return execFileSync(program, args, {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    isBad = true;
    console.error(`${program} ${args.join(' ')}\n${error.stdout}${error.stderr}`);
    return '';
  }
}

async function lint(name, pkgDir) {
  const { messages } = await publint({ pkgDir, strict: true, pack: false });
  const manifest = JSON.parse(readFileSync(join(pkgDir, 'package.json'), 'utf8'));
  for (const message of messages) {
    isBad = true;
    console.error(`${name}: ${formatMessage(message, manifest)}`);
  }
}

const project = mkdtempSync(join(tmpdir(), 'avance-packages-'));
try {
  const modules = join(project, 'node_modules');
  mkdirSync(join(modules, '@avance'), { recursive: true });
  const workspaces = PACKAGES.flatMap((name) => ['--workspace', `@avance/${name}`]);
  const archives = JSON.parse(
    run('npm', ['pack', '--json', '--silent', '--pack-destination', project, ...workspaces], ROOT),
  );
  for (const name of PACKAGES) {
    const packed = join(modules, '@avance', name);
    const { filename, files } = archives.find((one) => one.name === `@avance/${name}`);
    run('tar', ['-xzf', join(project, filename)], project);
    cpSync(join(project, 'package'), packed, { recursive: true });
    rmSync(join(project, 'package'), { recursive: true });
    const foreign = files.filter(
      ({ path }) => !/^(dist\/|package\.json$|README|LICENSE)/.test(path),
    );
    if (foreign.length > 0) throw new Error(`${name} packs ${foreign.map(({ path }) => path)}`);
    await lint(name, packed);
  }
  for (const name of ['centrifuge', 'events', 'protobufjs', 'react', '@types']) {
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  writeFileSync(join(project, 'package.json'), '{ "type": "module", "private": true }\n');
  for (const { module, moduleResolution, file, more } of MODES) {
    writeFileSync(join(project, file), USE);
    const options = [
      '--module',
      module,
      '--moduleResolution',
      moduleResolution,
      '--target',
      'es2022',
    ];
    const flags = [
      '--noEmit',
      '--strict',
      '--exactOptionalPropertyTypes',
      '--types',
      '',
      '--lib',
      'es2023,dom',
    ];
    run(join(ROOT, 'node_modules/.bin/tsc'), [...options, ...flags, ...more, file], project);
    rmSync(join(project, file));
  }
  const names = ['client', 'client/sockets', 'react']
    .map((name) => `...(await import('@avance/${name}'))`)
    .join(', ');
  const count = run(
    'node',
    ['--input-type=module', '-e', `console.log(Object.keys({ ${names} }).length)`],
    project,
  );
  if (!isBad)
    console.log(
      `both packages pack, lint, resolve in ${MODES.length} ways and give ${count.trim()} names`,
    );
} finally {
  rmSync(project, { recursive: true, force: true });
}
process.exitCode = isBad ? 1 : 0;
