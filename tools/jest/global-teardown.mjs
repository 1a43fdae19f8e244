/** Stops and removes what `global-setup.mjs` started; a server of the caller's own stays. */
export default async function globalTeardown() {
  const server = globalThis.millraceTestPostgres;
  if (!server) return;
  delete globalThis.millraceTestPostgres;
  delete process.env.TEST_DATABASE_URL;
  await server.stop();
}
