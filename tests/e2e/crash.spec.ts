import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '#testing/eventually';
import { childOf } from '../support/api.js';
import { createShopFlow, expectedItems, Shop } from '../support/shop.js';
import { Standalone } from '../support/standalone.js';

const total = 20_000;

describe('kill -9 of the single process during a run', () => {
  let millrace: Standalone;
  let shop: Shop;

  beforeAll(async () => {
    [millrace, shop] = await Promise.all([Standalone.start(), Shop.open(total)]);
  });
  afterAll(async () => {
    await Promise.all([millrace?.stop(), shop?.close()]);
  });

  it('loses nothing, counts exactly, and repeats only requests of unacknowledged pages under their first key', async () => {
    const flow = await createShopFlow(millrace.api, shop, { pageSize: 100, limit: 500, batchSize: 20 });
    const jobId = await millrace.api.run(flow.flowId);
    for (const share of [0.2, 0.6]) {
      await eventually(`${share} of the records are delivered`, () => shop.accepted.size > total * share * 0.9, 60_000);
      await millrace.kill();
      await millrace.launch();
    }
    const job = await millrace.api.finished(jobId, 120_000);

    expect(job.status).toBe('completed');
    expect(job.numSuccess).toBe(expectedItems(total));
    expect(job.numError).toBe(0);
    expect(childOf(job, flow.exportId)).toMatchObject({
      numSuccess: expectedItems(total),
      numIgnore: total - expectedItems(total),
    });
    expect(shop.accepted.size).toBe(expectedItems(total));
    // A repeated record came in a repeated request: the same idempotency key, so a destination can tell.
    const repeatedRequests = [...shop.keys.values()].reduce((sum, times) => sum + times - 1, 0);
    expect(shop.duplicates).toBeLessThanOrEqual(repeatedRequests * 20);
  }, 240_000);
});
