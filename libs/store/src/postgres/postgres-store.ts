import type { Store } from '../ports.js';
import { createAccounts } from './accounts.js';
import { createCheckpoints } from './checkpoints.js';
import { createDocuments } from './documents.js';
import { createFirings } from './firings.js';
import { createJobs } from './jobs.js';
import { createLedger } from './ledger.js';
import { createMaintenance } from './maintenance.js';
import { migrate } from './migrate.js';
import { createOrm } from './orm.js';
import { createPlans } from './plans.js';
import { createScriptLogs } from './script-logs.js';
import { createState } from './state.js';
import { createStepErrors } from './step-errors.js';
import { createTestRuns } from './test-runs.js';

export interface PostgresStoreOptions {
  /** `postgres://user:password@host:port/database`, with parameters such as `sslmode` */
  readonly connectionString: string;
  /** Connections of this process at most; at least 2. Default 10. */
  readonly poolSize?: number;
  /** Gets warnings that belong to no call, such as an idle connection that the server dropped. Default: dropped. */
  readonly onWarning?: (message: string) => void;
}

/**
 * The store on PostgreSQL, migrated to the newest schema. MikroORM serves what people do; what records do (runs, results,
 * errors) goes through set-based statements on the same pool of connections.
 *
 * @throws Error when the database cannot be reached or migrated
 */
export async function createPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const orm = await createOrm({
    connectionString: options.connectionString,
    // The migration holds one connection for its lock while another one migrates.
    poolSize: Math.max(2, options.poolSize ?? 10),
    onWarning: options.onWarning ?? (() => {}),
  });
  try {
    await migrate(orm);
    const pool = await orm.em.getConnection().getNativeClient();
    return {
      accounts: createAccounts(orm),
      documents: createDocuments(orm, pool),
      jobs: createJobs(orm, pool),
      plans: createPlans(orm, pool),
      firings: createFirings(orm, pool),
      checkpoints: createCheckpoints(orm, pool),
      ledger: createLedger(pool),
      errors: createStepErrors(orm, pool),
      scriptLogs: createScriptLogs(orm, pool),
      state: createState(pool),
      testRuns: createTestRuns(pool),
      maintenance: createMaintenance(pool),
      async isReady() {
        try {
          await pool.query('select 1');
          return true;
        } catch {
          return false;
        }
      },
      close: () => orm.close(true),
    };
  } catch (error) {
    await orm.close(true);
    throw error;
  }
}
