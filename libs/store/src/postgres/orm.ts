import { Migrator } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/postgresql';
import type { ClientBase } from 'pg';
import { entities } from './entities/index.js';
import { migrations } from './migrations/index.js';

export interface OrmOptions {
  readonly connectionString: string;
  /** Connections of this process at most. */
  readonly poolSize: number;
  /** Gets the driver's warnings, such as a connection that the server dropped. */
  readonly onWarning: (message: string) => void;
}

/** Connects lazily; entities and migrations come from code, so that nothing depends on where the process was started. */
export async function createOrm(options: OrmOptions): Promise<MikroORM> {
  return MikroORM.init({
    clientUrl: options.connectionString,
    entities,
    extensions: [Migrator],
    metadataCache: { enabled: false },
    // The store forks per call; a forgotten fork must fail instead of sharing an identity map between accounts.
    allowGlobalContext: false,
    forceUtcTimezone: true,
    logger: options.onWarning,
    colors: false,
    migrations: {
      tableName: 'migrations',
      migrationsList: migrations.map((migration) => ({ name: migration.name, class: migration })),
      snapshot: false,
      disableForeignKeys: false,
      silent: true,
    },
    driverOptions: {
      // Beside the parts that MikroORM reads from the URL, so that its parameters (`sslmode`, …) hold too.
      connectionString: options.connectionString,
      min: 0,
      max: options.poolSize,
      application_name: 'millrace',
      onConnect: prepareSession,
    },
  });
}

/**
 * Times leave the database in UTC; compiling a statement to machine code never pays for batches of this size. The pool hands
 * a connection out when this is done; a failure means that it is gone, and is told to whoever waits for it.
 */
async function prepareSession(client: ClientBase): Promise<void> {
  await client.query(`set timezone = 'UTC'; set jit = off`);
}
