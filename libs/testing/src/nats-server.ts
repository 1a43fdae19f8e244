import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const programs = join(process.env.MILLRACE_BROKERS_DIR ?? '.brokers', 'programs');

/** A NATS server of its own for one test, which may restart it. Its program is the one that `bin/brokers` keeps. */
export class NatsServer {
  #process: ChildProcess | null = null;

  private constructor(
    private readonly program: string,
    private readonly folder: string,
    private readonly port: number,
  ) {}

  static async start(): Promise<NatsServer> {
    const [program] = (await readdir(programs)).filter((name) => name.startsWith('nats-server-'));
    if (program === undefined) throw new Error(`There is no nats-server in ${programs}: run bin/brokers up nats.`);
    const folder = await mkdtemp(join(tmpdir(), 'nats-'));
    const server = new NatsServer(join(programs, program), folder, await freePort());
    // As bin/brokers starts it: what was acknowledged is on disk.
    const config = `listen: "127.0.0.1:${server.port}"
max_payload: 8MB
jetstream { store_dir: "${folder}/data", sync_interval: always }
`;
    await writeFile(join(folder, 'server.conf'), config);
    server.#run();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Ends at once, as a crash would, and starts again with what is on disk. */
  async restart(): Promise<void> {
    await this.#end();
    this.#run();
  }

  async stop(): Promise<void> {
    await this.#end();
    await rm(this.folder, { recursive: true, force: true });
  }

  #run(): void {
    this.#process = spawn(this.program, ['--config', join(this.folder, 'server.conf')], { stdio: 'ignore' });
  }

  async #end(): Promise<void> {
    const ended = this.#process;
    this.#process = null;
    if (!ended || ended.exitCode !== null) return;
    const exit = once(ended, 'exit');
    ended.kill('SIGKILL');
    await exit;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
