import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RealServer } from './server.ts';

const ROOT = new URL('../../../../', import.meta.url).pathname;
const run = promisify(execFile);
const server = new RealServer('open', 'avance.cli.demo_tasks:app');

beforeAll(async () => {
  await run('npm', ['run', 'build', '--workspace', '@avance/client'], { cwd: ROOT });
  await server.start();
});
afterAll(() => server.remove());

test('the example of the page follows a job to its result, with the package as it is packed', async () => {
  const { stdout } = await run('node', [`${ROOT}docs/examples/client.mjs`, server.url]);
  const lines = stdout.trim().split('\n');
  expect(lines).toContain("{ name: 'manual.pdf', pages: 5, chunks: 15 }");
  expect(lines).toContain('0 under way');
  expect(lines.at(-1)).toBe('0 unread');
  const percents = lines.flatMap((line) => /^running (\d+)/.exec(line)?.[1] ?? []).map(Number);
  expect(percents).toEqual([...percents].sort((a, b) => a - b));
});
