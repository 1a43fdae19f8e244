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

/** A connection's statements are prepared once; closing it after the usual ten seconds would do that again all day. */
const idleConnectionMs = 5 * 60_000;

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
      idleTimeoutMillis: idleConnectionMs,
      // Statements of a transaction that do not need each other's answers are sent together.
      pipeline: true,
      application_name: 'millrace',
      onConnect: prepareSession,
    },
  });
}

/**
 * Times leave the database in UTC; compiling a statement to machine code never pays for batches of this size. Pages by
 * random access cost about as much as in order, as they do in memory and on SSDs: by its default, four times as much, the
 * planner reads tables of some ten thousand jobs to their end rather than look up the hundred that a batch names. The pool
 * hands a connection out when this is done; a failure means that it is gone, and is told to whoever waits for it.
 */
async function prepareSession(client: ClientBase): Promise<void> {
  await client.query(`set timezone = 'UTC'; set jit = off; set random_page_cost = 1.1`);
}
