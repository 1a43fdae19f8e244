import { startTestPostgres } from './test-postgres.mjs';

/** Gives every test process `TEST_DATABASE_URL`: the caller's own server, or one that lives as long as this run. */
export default async function globalSetup() {
  if (process.env.TEST_DATABASE_URL) return;
  const server = await startTestPostgres();
  globalThis.millraceTestPostgres = server;
  process.env.TEST_DATABASE_URL = server.url;
}
