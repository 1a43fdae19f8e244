import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { TestDatabase } from '#testing/postgres';
import { createTestDatabase } from '#testing/postgres';
import type { OutgoingMessage } from '../bus.js';
import { Database } from './database.js';
import { Housekeeping } from './housekeeping.js';
import type { EmbeddedBus } from './index.js';
import { createEmbeddedBus } from './index.js';

const run = '0123456789abcdef01234567';
let database: TestDatabase;
let admin: pg.Client;
const buses: EmbeddedBus[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
});

afterEach(async () => {
  await Promise.all(buses.splice(0).map((bus) => bus.abandon()));
});

afterAll(async () => {
  await admin.end();
  await database.drop();
});

async function start(schema: string): Promise<EmbeddedBus> {
  const options = { connectionString: database.url, schema, name: schema, reportError: () => undefined };
  const bus = await createEmbeddedBus(options);
  buses.push(bus);
  return bus;
}

function message(id: string): OutgoingMessage {
  return { queue: 'work.page', key: run, id, body: Buffer.from(id) };
}

describe('the embedded bus', () => {
  it('is made once by processes that start together', async () => {
    const [first, ...others] = await Promise.all([start('together'), start('together'), start('together')]);
    await first.publish([message('a')]);
    for (const bus of others) expect((await bus.outstanding(run)).total).toBe(1);
  });

  it('refuses a schema name that would need quoting', async () => {
    await expect(start('a"; drop schema public')).rejects.toThrow(TypeError);
  });

  it('loses and doubles nothing when its connections are cut', async () => {
    const bus = await start('cut');
    const handled = new Map<string, number>();
    await bus.consume({ queue: 'work.page', consumerId: 'c', maxInFlight: 20, leaseMs: 2_000 }, async (delivery) => {
      handled.set(delivery.id, (handled.get(delivery.id) ?? 0) + 1);
      await delivery.ack();
    });
    const heard: string[] = [];
    const other = await start('cut');
    other.onSignal('t', (payload) => heard.push(payload));
    const cutting = (async () => {
      for (let cut = 0; cut < 5; cut += 1) {
        await sleep(60);
        await admin.query(
          'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
        );
      }
    })();
    await Promise.all(
      Array.from({ length: 400 }, async (_, index) => {
        await sleep(index);
        await bus.publishAtomic([message(`${index}/a`), message(`${index}/b`)]);
      }),
    );
    await cutting;
    while ((await bus.outstanding(run)).total > 0) await sleep(20);
    expect(handled.size).toBe(800);
    while (heard.length === 0) {
      bus.signal('t', 'listening again');
      await sleep(20);
    }
  }, 30_000);

  it('forgets ids after the window, and only those', async () => {
    const bus = await start('id_window');
    await bus.publish([message('old'), message('young')]);
    await admin.query(
      `update id_window.published_id set published_at = now() - interval '10 minutes 1 second' where id = 'old'`,
    );
    const statements = new Database(new pg.Pool({ connectionString: database.url }));
    const housekeeping = new Housekeeping(statements, 'id_window', () => undefined);
    expect(await housekeeping.sweep()).toBe(1);
    housekeeping.stop();
    await statements.close();
    await bus.publish([message('old'), message('young')]);
    expect((await bus.outstanding(run)).total).toBe(3);
  });
});
