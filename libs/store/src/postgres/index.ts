export { createPostgresStore, type PostgresStore, type PostgresStoreOptions } from './postgres-store.js';
export type { Maintenance } from './maintenance.js';
