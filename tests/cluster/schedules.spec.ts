import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { eventually } from '#testing/eventually';
import { Cluster } from '../support/cluster.js';
import { createShopFlow, Shop } from '../support/shop.js';

const flows = 1_000;

let cluster: Cluster;
let shop: Shop;

beforeAll(async () => {
  shop = await Shop.open(1);
  cluster = await Cluster.up();
}, 120_000);
afterAll(async () => {
  await cluster?.down();
  await shop?.close();
}, 120_000);

describe('1,000 flows due at the same second with two schedulers', () => {
  it('start 1,000 runs, no more, no fewer, though the leader is killed at that second', async () => {
    const { api } = cluster;
    const first = await createShopFlow(api, shop);
    // The next minute that leaves time to create the flows.
    const dueAt = new Date(Math.ceil((Date.now() + 25_000) / 60_000) * 60_000);
    const schedule = `? ${dueAt.getUTCMinutes()} ${dueAt.getUTCHours()} ${dueAt.getUTCDate()} * ?`;
    const ids = new Set<string>();
    const lane = async (): Promise<void> => {
      while (ids.size < flows) {
        const reserved = `pending-${ids.size}`;
        ids.add(reserved);
        const id = await api.create('flows', {
          name: 'Due at the same second',
          disabled: false,
          schedule,
          timezone: 'Etc/UTC',
          pageGenerators: [{ _exportId: first.exportId }],
          pageProcessors: [{ type: 'import', _importId: first.importId }],
        });
        ids.delete(reserved);
        ids.add(id);
      }
    };
    await Promise.all(Array.from({ length: 8 }, lane));
    expect(ids.size).toBe(flows);
    expect(Date.now()).toBeLessThan(dueAt.getTime() - 2_000);

    const database = new pg.Client({ connectionString: await cluster.databaseUrl() });
    await database.connect();
    const started = async (): Promise<{ runs: number; flows: number; final: number }> => {
      const { rows } = await database.query<{ runs: string; flows: string; final: string }>(
        `select count(*) as runs, count(distinct flow_id) as flows, count(*) filter (where ended_at is not null) as final
         from jobs where type = 'flow' and triggered_by = 'schedule'`,
      );
      const [row] = rows;
      return { runs: Number(row?.runs), flows: Number(row?.flows), final: Number(row?.final) };
    };
    try {
      await eventually('the due second', () => Date.now() >= dueAt.getTime(), 90_000);
      await cluster.kill(await cluster.leader());
      await eventually('all runs are final', async () => (await started()).final >= flows, 120_000);
      // Nothing more comes: a full lease and catch-up later the number is the same.
      const settledAt = Date.now();
      await eventually('a lease has passed', () => Date.now() > settledAt + 7_000);
      expect(await started()).toEqual({ runs: flows, flows, final: flows });
    } finally {
      await database.end();
    }
  }, 400_000);
});
