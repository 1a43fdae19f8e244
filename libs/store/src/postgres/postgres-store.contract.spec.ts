import type { Store } from '#store';
import { createTestDatabase } from '#testing/postgres';
import { describeStore } from '#testing/store.contract';
import { createPostgresStore } from './postgres-store.js';

describeStore('PostgreSQL', async () => {
  const database = await createTestDatabase();
  const open: Store[] = [];
  return {
    async connect() {
      const store = await createPostgresStore({ connectionString: database.url, poolSize: 8 });
      open.push(store);
      return store;
    },
    async stop() {
      await Promise.all(open.map((store) => store.close()));
      await database.drop();
    },
  };
});
