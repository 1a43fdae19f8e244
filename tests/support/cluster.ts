import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ApiClient } from './api.js';

const run = promisify(execFile);
const root = new URL('../../', import.meta.url).pathname;
const token = 'cluster-token-of-the-first-account';

export interface ServiceStatus {
  readonly name: string;
  readonly kind: string;
  readonly pid: number;
  readonly port: number;
}

/** A whole cluster as `bin/cluster` starts it, in a namespace of its own on real brokers. */
export class Cluster {
  private constructor(
    readonly api: ApiClient,
    private readonly folder: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  /** @throws Error when no brokers are configured: a missing broker is a failure, never a skip */
  static async up(settings: Readonly<Record<string, string>> = {}): Promise<Cluster> {
    const databaseUrl = process.env['BROKERS_DATABASE_URL'] ?? process.env['DATABASE_URL'];
    if (!process.env['NATS_URL'] || !process.env['KAFKA_BROKERS'] || !databaseUrl) {
      throw new Error(
        'The cluster suites need brokers: `bin/brokers up`, then `eval "$(bin/brokers env)"`, or run bin/test.',
      );
    }
    const folder = await mkdtemp(join(tmpdir(), 'millrace-cluster-'));
    const port = await freePort();
    const env = {
      ...process.env,
      DATABASE_URL: databaseUrl,
      MILLRACE_CLUSTER_DIR: folder,
      MILLRACE_TOKEN: token,
      MILLRACE_API_RATE: 'off',
      MILLRACE_EGRESS_ALLOW: '127.0.0.0/8',
      LOG_LEVEL: 'warn',
      PORT: String(port),
      NODE_OPTIONS: '',
      ...settings,
    };
    const cluster = new Cluster(new ApiClient(`http://127.0.0.1:${port}`, token), folder, env);
    try {
      await cluster.command('up', '--fresh');
    } catch (error) {
      const log = await cluster.logs();
      await cluster.down();
      throw new Error(`The cluster did not start.\n${log}`, { cause: error });
    }
    return cluster;
  }

  async status(): Promise<readonly ServiceStatus[]> {
    return JSON.parse(await this.command('status', '--json')) as ServiceStatus[];
  }

  /** SIGKILL, then a start after `downMs`. */
  async killAndRestart(name: string, downMs: number): Promise<void> {
    await this.command('kill', name);
    await new Promise((resolve) => setTimeout(resolve, downMs));
    await this.command('restart', name);
  }

  async kill(name: string): Promise<void> {
    await this.command('kill', name);
  }

  /** Name of the scheduler that leads, as its metrics tell. */
  async leader(): Promise<string> {
    for (const { name, kind, port } of await this.status()) {
      if (kind !== 'scheduler') continue;
      const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      if (/^millrace_scheduler_leader(\{[^}]*\})? 1$/m.test(metrics)) return name;
    }
    throw new Error('No scheduler leads.');
  }

  async databaseUrl(): Promise<string> {
    const state = JSON.parse(await readFile(join(this.folder, 'state.json'), 'utf8')) as { databaseUrl: string };
    return state.databaseUrl;
  }

  async down(): Promise<void> {
    await this.command('down', '--drop');
    await rm(this.folder, { recursive: true, force: true });
  }

  /** What the services logged, the end of each. */
  async logs(): Promise<string> {
    const parts: string[] = [];
    for (const name of [
      'gateway-1',
      'scheduler-1',
      'scheduler-2',
      'executor-1',
      'executor-2',
      'errors-1',
      'errors-2',
    ]) {
      const text = await readFile(join(this.folder, 'logs', `${name}.log`), 'utf8').catch(() => '');
      if (text !== '') parts.push(`--- ${name}\n${text.slice(-3_000)}`);
    }
    return parts.join('\n');
  }

  private async command(...args: string[]): Promise<string> {
    // Straight to the program: what is tested is built already, and building it again would race with other suites.
    const { stdout } = await run(process.execPath, ['--no-warnings', `${root}tools/cluster/main.mjs`, ...args], {
      env: this.env,
      maxBuffer: 1 << 24,
    });
    return stdout;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
