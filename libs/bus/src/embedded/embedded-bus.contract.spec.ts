import { afterAll, beforeAll } from '@jest/globals';
import { describeBus } from '#testing/bus.contract';
import type { TestDatabase } from '#testing/postgres';
import { createTestDatabase } from '#testing/postgres';
import type { EmbeddedBus } from './index.js';
import { createEmbeddedBus } from './index.js';

let database: TestDatabase;
let tests = 0;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(() => database.drop());

describeBus('PostgreSQL', async () => {
  const schema = `bus_${(tests += 1)}`;
  const buses = new Set<EmbeddedBus>();
  return {
    async connect() {
      const bus = await createEmbeddedBus({
        connectionString: database.url,
        schema,
        maxConnections: 4,
        reportError: () => undefined,
      });
      buses.add(bus);
      return bus;
    },
    async crash(bus) {
      for (const each of buses) if (each === bus) await each.abandon();
    },
    async stop() {
      await Promise.all([...buses].map((bus) => bus.abandon()));
    },
  };
});
