import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = new URL('../../../../', import.meta.url).pathname;
const HERE = new URL('.', import.meta.url).pathname;
const SECRET = 'a secret of at least thirty-two bytes, for tests';
const START_TRIES = 600;

/** The real server on a port of its own, with a directory that outlives it. */
export class RealServer {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'avance-client-'));
  readonly #auth: string;
  readonly #app: string;
  #port = 0;
  #process: ChildProcess | undefined;
  #output = '';

  constructor(auth: 'open' | 'token' = 'open', app = 'tasks:app') {
    this.#auth = auth;
    this.#app = app;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    this.#port ||= await freePort();
    const options = ['--host', '127.0.0.1', '--port', String(this.#port), '--processes', '2'];
    const args = ['serve', this.#app, ...options, '--auth', this.#auth, '--data', this.directory];
    // A group of its own, so that what the server started ends with it.
    const child = spawn(join(ROOT, '.venv/bin/avance'), args, {
      cwd: HERE,
      detached: true,
      env: { ...process.env, AVANCE_TOKEN_SECRET: SECRET, PYTHONPATH: HERE },
    });
    this.#process = child;
    this.#output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        this.#output += String(data);
      });
    }
    for (let tries = 0; tries < START_TRIES; tries += 1) {
      if (child.exitCode !== null) break;
      if (await isReady(this.url)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`the server did not start:\n${this.#output}`);
  }

  /** End it as a power cut does. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  async remove(): Promise<void> {
    await this.#end('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Let a task go on. */
  open(gate: string, step: number | 'end'): void {
    writeFileSync(join(gate, String(step)), '');
  }

  gate(): string {
    return mkdtempSync(join(this.directory, 'gate-'));
  }

  token(claims: object): string {
    const part = (value: object): string =>
      Buffer.from(JSON.stringify(value)).toString('base64url');
    const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
    return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    process.kill(-child.pid, signal);
    await ended;
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/ready`)).ok;
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
