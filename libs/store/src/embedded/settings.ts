import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { codeOf, isMissing } from './error-code.js';

/** What must survive a restart beside the data itself. */
export interface Settings {
  readonly port: number;
  readonly password: string;
}

/**
 * Port and password from the last start, or new ones. A port that somebody else took meanwhile is replaced.
 *
 * @param file readable by its owner only; holds the password
 * @param wantedPort used whatever was stored; a free one is chosen when absent
 */
export async function prepareSettings(file: string, wantedPort: number | undefined): Promise<Settings> {
  const stored = (await readSettings(file)) ?? (await createSettings(file, wantedPort ?? (await freePort())));
  const port = wantedPort ?? ((await isFree(stored.port)) ? stored.port : await freePort());
  const settings: Settings = { port, password: stored.password };
  if (port !== stored.port) await rename(await writeAside(file, settings), file);
  return settings;
}

/** Of two processes that start at once, the first makes the password and the other takes it. */
async function createSettings(file: string, port: number): Promise<Settings> {
  const aside = await writeAside(file, { port, password: randomBytes(24).toString('base64url') });
  try {
    await link(aside, file);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    await rm(aside, { force: true });
  }
  const settings = await readSettings(file);
  if (!settings) throw new Error(`${file} vanished`);
  return settings;
}

async function readSettings(file: string): Promise<Settings | null> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  try {
    const parsed = JSON.parse(text) as Partial<Settings> | null;
    if (typeof parsed?.port === 'number' && typeof parsed.password === 'string') {
      return { port: parsed.port, password: parsed.password };
    }
  } catch (cause) {
    throw new Error(`${file} is damaged; it holds the password of the database beside it`, { cause });
  }
  throw new Error(`${file} is damaged; it holds the password of the database beside it`);
}

/** Written aside and moved: a crash leaves the old file or the new one. */
async function writeAside(file: string, settings: Settings): Promise<string> {
  const aside = `${file}.${randomBytes(6).toString('hex')}`;
  await writeFile(aside, `${JSON.stringify(settings, null, 2)}\n`, { mode: 0o600, flush: true });
  return aside;
}

const freePort = (): Promise<number> => listen(0);

async function isFree(port: number): Promise<boolean> {
  try {
    await listen(port);
    return true;
  } catch {
    return false;
  }
}

function listen(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(port, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no address')),
      );
    });
  });
}
