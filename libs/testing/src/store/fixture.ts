import type { Store } from '#store';

/** One empty database for one suite; any number of processes connect to it. */
export interface StoreFixture {
  /** The store as another process would have it. */
  connect(): Promise<Store>;
  /** Closes what is still open and removes everything. */
  stop(): Promise<void>;
}

/** The two processes of a suite. */
export interface Stores {
  readonly store: Store;
  readonly other: Store;
}
