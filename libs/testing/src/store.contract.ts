import { afterAll, beforeAll, describe } from '@jest/globals';
import type { Store } from '#store';
import { accountClauses } from './store/accounts.clauses.js';
import { documentClauses } from './store/documents.clauses.js';
import { errorClauses } from './store/errors.clauses.js';
import { firingClauses } from './store/firings.clauses.js';
import type { StoreFixture, Stores } from './store/fixture.js';
import { jobClauses } from './store/jobs.clauses.js';
import { ledgerClauses } from './store/ledger.clauses.js';
import { scriptLogClauses } from './store/script-logs.clauses.js';
import { stateClauses } from './store/state.clauses.js';
import { testRunClauses } from './store/test-runs.clauses.js';

export type { StoreFixture } from './store/fixture.js';

/**
 * The definition of the port `Store`: every adapter runs all of it.
 *
 * @param start gives an empty database; two processes work on it
 */
export function describeStore(name: string, start: () => Promise<StoreFixture>): void {
  describe(`${name} as a store`, () => {
    let fixture: StoreFixture;
    let store: Store;
    let other: Store;

    beforeAll(async () => {
      fixture = await start();
      [store, other] = await Promise.all([fixture.connect(), fixture.connect()]);
    });

    afterAll(() => fixture.stop());

    const stores: Stores = {
      get store() {
        return store;
      },
      get other() {
        return other;
      },
    };
    accountClauses(stores);
    documentClauses(stores);
    jobClauses(stores);
    firingClauses(stores);
    ledgerClauses(stores);
    errorClauses(stores);
    scriptLogClauses(stores);
    stateClauses(stores);
    testRunClauses(stores);
  });
}
