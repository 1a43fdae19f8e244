import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { childOf } from '../support/api.js';
import { createShopFlow, expectedItems, Shop } from '../support/shop.js';
import { Standalone } from '../support/standalone.js';

describe('a flow from one HTTP application to another', () => {
  let millrace: Standalone;
  let shop: Shop;

  beforeAll(async () => {
    [millrace, shop] = await Promise.all([Standalone.start(), Shop.open(1_005)]);
  });
  afterAll(async () => {
    await Promise.all([millrace?.stop(), shop?.close()]);
  });

  it('delivers every record once, counts exactly and stores what was refused', async () => {
    const { api } = millrace;
    shop.refuse = (record) =>
      record.id === 7 || record.id === 502 ? { code: 'closed', message: `${record.id} is closed` } : null;
    const flow = await createShopFlow(api, shop);

    const jobId = await api.run(flow.flowId);
    const job = await api.finished(jobId);

    const passed = expectedItems(1_005);
    expect(job).toMatchObject({
      type: 'flow',
      status: 'completed',
      numSuccess: passed - 2,
      numError: 2,
      numOpenError: 2,
      numIgnore: 1_005 - passed,
      doneExporting: true,
    });
    expect(childOf(job, flow.exportId)).toMatchObject({
      type: 'export',
      status: 'completed',
      numSuccess: passed,
      numIgnore: 1_005 - passed,
      numPagesGenerated: 11,
    });
    expect(childOf(job, flow.importId)).toMatchObject({
      type: 'import',
      status: 'completed',
      numSuccess: passed - 2,
      numError: 2,
      numPagesProcessed: 11,
    });
    expect(shop.accepted.size).toBe(passed - 2);
    expect(shop.duplicates).toBe(0);
    expect([...shop.keys.values()].every((times) => times === 1)).toBe(true);

    const errors = await api.errors(flow.flowId, flow.importId);
    expect(errors.map((e) => e.message).toSorted()).toEqual(['502 is closed', '7 is closed']);
    expect(errors[0]).toMatchObject({ source: 'application', traceId: job.traceId });
    expect(await api.call('GET', `/v1/flows/${flow.flowId}/errors`)).toEqual({
      flowErrors: [{ _expOrImpId: flow.importId, numError: 2, lastErrorAt: expect.any(String) }],
    });
    shop.refuse = () => null;
  });

  it('cuts pages across responses and sends batches of the configured size', async () => {
    const { api } = millrace;
    shop.accepted.clear();
    const before = shop.posts;
    const flow = await createShopFlow(api, shop, { pageSize: 30, limit: 100, batchSize: 10 });
    const job = await api.finished(await api.run(flow.flowId));
    expect(job.numSuccess).toBe(expectedItems(1_005));
    // 1,005 records in pages of 30: 33 full pages with 27 records after the filter, and one of 15 with 13.
    expect(childOf(job, flow.exportId).numPagesGenerated).toBe(34);
    expect(shop.posts - before).toBe(33 * 3 + 2);
  });

  it('shows a run live until it is final', async () => {
    const { api } = millrace;
    const flow = await createShopFlow(api, shop);
    const jobId = await api.run(flow.flowId);
    const response = await fetch(`${api.url}/v1/jobs/${jobId}/events`, {
      headers: { authorization: `Bearer ${api.token}` },
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    // The server closes the stream after the last event.
    const events = (await response.text()).split('\n\n').filter((event) => event.includes('event: job'));
    const last = JSON.parse(/data: (.*)/.exec(events.at(-1) ?? '')?.[1] ?? 'null') as {
      status: string;
      children: unknown[];
    };
    expect(last.status).toBe('completed');
    expect(last.children).toHaveLength(2);
  });

  it('runs one at a time: a second start waits, a third is refused', async () => {
    const { api } = millrace;
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    shop.intercept = async () => {
      await gate;
      return null as never;
    };
    const flow = await createShopFlow(api, shop);
    const first = await api.run(flow.flowId);
    const second = await api.run(flow.flowId);
    const third = await api.send<{ errors: { code: string }[] }>('POST', `/v1/flows/${flow.flowId}/run`, {});
    expect([third.status, third.body.errors[0]?.code]).toEqual([409, 'run_already_queued']);
    open();
    shop.intercept = () => null;
    expect((await api.finished(first)).status).toBe('completed');
    expect((await api.finished(second)).status).toBe('completed');
  });

  it('stops within two seconds when it is canceled, with exact counts', async () => {
    const { api } = millrace;
    shop.accepted.clear();
    const slow = new AbortController();
    shop.intercept = async () => {
      if (!slow.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 100));
      return null as never;
    };
    const flow = await createShopFlow(api, shop, { batchSize: 2, concurrencyLevel: 2 });
    const jobId = await api.run(flow.flowId);
    while (shop.accepted.size === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await api.call('PUT', `/v1/jobs/${jobId}/cancel`);
    const canceledAt = performance.now();
    const job = await api.finished(jobId);
    expect(performance.now() - canceledAt).toBeLessThan(3_000);
    slow.abort();
    shop.intercept = () => null;
    const postsAtEnd = shop.posts;
    expect(job.status).toBe('canceled');
    expect(job.numSuccess).toBe(shop.accepted.size);
    expect(job.numSuccess).toBeLessThan(expectedItems(1_005));
    expect(shop.posts).toBe(postsAtEnd);
  });

  it('ends orderly on SIGTERM', async () => {
    const other = await Standalone.start();
    expect(await other.stop()).toBe(0);
  });
});
