import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ApiClient } from './api.js';

const main = new URL('../../dist/apps/standalone/src/main.js', import.meta.url).pathname;
const token = 'e2e-token-of-the-first-account';

/** Millrace in one process, as a user starts it: the built program, its own PostgreSQL, a folder of its own. */
export class Standalone {
  api = new ApiClient('', token);
  #child: ChildProcess | null = null;
  #output = '';

  private constructor(
    readonly folder: string,
    private readonly env: Readonly<Record<string, string>>,
  ) {}

  static async start(env: Readonly<Record<string, string>> = {}): Promise<Standalone> {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-e2e-'));
    // Started by root, PostgreSQL runs as a user of its own, who has to get through to its data.
    await chmod(folder, 0o711);
    const standalone = new Standalone(folder, env);
    await standalone.launch();
    return standalone;
  }

  /** Starts the process (again) on the same folder. */
  async launch(): Promise<void> {
    const child = spawn(process.execPath, ['--no-warnings', '--enable-source-maps', main], {
      env: {
        PATH: process.env['PATH'] ?? '',
        PORT: '0',
        MILLRACE_HOST: '127.0.0.1',
        MILLRACE_DATA_DIR: this.folder,
        MILLRACE_TOKEN: token,
        MILLRACE_API_RATE: 'off',
        MILLRACE_EGRESS_ALLOW: '127.0.0.0/8',
        LOG_LEVEL: 'warn',
        ...this.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    child.stderr.on('data', (chunk: Buffer) => this.#keep(String(chunk)));
    const address = new Promise<string>((resolve) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        this.#keep(`${line}\n`);
        const match = /(http:\/\/[^\s/]+)/.exec(line);
        if (match?.[1]) resolve(match[1]);
      });
    });
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`Millrace ended with status ${String(code)} before it was ready:\n${this.#output}`);
    });
    ended.catch(() => undefined);
    this.api = new ApiClient(await Promise.race([address, ended]), token);
  }

  /** What the process wrote last. */
  get output(): string {
    return this.#output;
  }

  get isRunning(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** kill -9, as a crash or an out-of-memory killer would. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || !this.isRunning) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** SIGTERM and an orderly end; the folder goes too. @returns the exit status */
  async stop(): Promise<number | null> {
    const child = this.#child;
    if (child && this.isRunning) {
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    }
    await rm(this.folder, { recursive: true, force: true });
    return child?.exitCode ?? null;
  }

  #keep(text: string): void {
    this.#output = (this.#output + text).slice(-20_000);
  }
}
