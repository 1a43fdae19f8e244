import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '#testing/eventually';
import { childOf } from '../support/api.js';
import { Cluster } from '../support/cluster.js';
import { OtlpReceiver } from '../support/otlp-receiver.js';
import { createShopFlow, expectedItems, Shop } from '../support/shop.js';

let cluster: Cluster;
let shop: Shop;
let receiver: OtlpReceiver;

beforeAll(async () => {
  [receiver, shop] = await Promise.all([OtlpReceiver.start(), Shop.open(0)]);
  cluster = await Cluster.up({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_BSP_SCHEDULE_DELAY: '200',
  });
}, 120_000);
afterAll(async () => {
  await cluster?.down();
  await Promise.all([shop.close(), receiver.stop()]);
}, 120_000);
afterEach(() => {
  shop.intercept = () => null;
  shop.refuse = () => null;
  shop.accepted.clear();
  shop.keys.clear();
});

describe('a cluster of four services on real brokers', () => {
  it('runs one gateway, two schedulers, two executors and two errors services', async () => {
    const kinds = Map.groupBy(await cluster.status(), (service) => service.kind);
    expect(Object.fromEntries([...kinds].map(([kind, list]) => [kind, list.length]))).toEqual({
      gateway: 1,
      scheduler: 2,
      executor: 2,
      errors: 2,
    });
  });

  it('shows one run as one connected trace with spans of all four services', async () => {
    shop.total = 2_000;
    shop.refuse = (record) => (record.id === 11 ? { code: 'closed', message: 'closed' } : null);
    const flow = await createShopFlow(cluster.api, shop);
    const job = await cluster.api.finished(await cluster.api.run(flow.flowId));
    expect(job).toMatchObject({ status: 'completed', numSuccess: expectedItems(2_000) - 1, numError: 1 });

    const ofRun = (): typeof receiver.spans => receiver.spans.filter((span) => span.traceId === job.traceId);
    const services = ['millrace-errors', 'millrace-executor', 'millrace-gateway', 'millrace-scheduler'];
    await eventually(
      'spans of all services',
      () => new Set(ofRun().map((s) => s.service)).size === services.length,
      15_000,
    );
    const roots = (): string[] => {
      const ids = new Set(ofRun().map((s) => s.spanId));
      return ofRun()
        .filter((s) => !ids.has(s.parentSpanId))
        .map((s) => s.name);
    };
    // Connected: every span but the REST request's hangs below another span of the trace.
    await eventually('one root', () => roots().length === 1, 15_000);
    expect([...new Set(ofRun().map((s) => s.service))].toSorted()).toEqual(services);
    const [error] = await cluster.api.errors(flow.flowId, flow.importId);
    expect(error?.traceId).toBe(job.traceId);
  });

  it('never has more requests at a connection than its concurrencyLevel, over both executors', async () => {
    shop.total = 3_000;
    const flow = await createShopFlow(cluster.api, shop, {
      pageSize: 20,
      limit: 500,
      batchSize: 10,
      concurrencyLevel: 3,
    });
    let underWay = 0;
    let peak = 0;
    shop.intercept = async () => {
      underWay += 1;
      peak = Math.max(peak, underWay);
      await new Promise((resolve) => setTimeout(resolve, 5));
      underWay -= 1;
      return null as never;
    };
    const job = await cluster.api.finished(await cluster.api.run(flow.flowId));
    expect([job.status, job.numSuccess]).toEqual(['completed', expectedItems(3_000)]);
    expect(peak).toBeLessThanOrEqual(3);
    expect(peak).toBeGreaterThan(1);
  });

  it.each([1, 3])(
    'goes on after each pause that a connection asks for, with concurrencyLevel %i and two runs',
    async (concurrencyLevel) => {
      shop.total = 1_500;
      const sizes = { pageSize: 20, limit: 500, batchSize: 10 };
      const first = await createShopFlow(cluster.api, shop, { ...sizes, concurrencyLevel });
      const second = await createShopFlow(cluster.api, shop, {
        ...sizes,
        import: { _connectionId: first.destinationId },
      });
      let underWay = 0;
      let peak = 0;
      let refused = 0;
      shop.intercept = async (_request, count) => {
        underWay += 1;
        peak = Math.max(peak, underWay);
        await new Promise((resolve) => setTimeout(resolve, 5));
        underWay -= 1;
        if (count % 60 !== 0) return null as never;
        refused += 1;
        return { status: 429, headers: { 'retry-after': '1' } };
      };
      const runs = await Promise.all([first, second].map(({ flowId }) => cluster.api.run(flowId)));
      const jobs = await Promise.all(runs.map((jobId) => cluster.api.finished(jobId, 120_000)));
      const expected = ['completed', expectedItems(1_500)];
      expect(jobs.map(({ status, numSuccess }) => [status, numSuccess])).toEqual([expected, expected]);
      expect(peak).toBeLessThanOrEqual(concurrencyLevel);
      expect(refused).toBeGreaterThan(2);
    },
  );

  it('loses nothing and counts exactly when an executor, a scheduler and an errors service are killed in turn', async () => {
    const total = 200_000;
    shop.total = total;
    const flow = await createShopFlow(cluster.api, shop, { pageSize: 500, limit: 500, batchSize: 100 });
    const jobId = await cluster.api.run(flow.flowId);
    const shares: [string, number][] = [
      ['executor-1', 0.15],
      ['scheduler-1', 0.4],
      ['errors-1', 0.65],
    ];
    for (const [name, share] of shares) {
      await eventually(
        `${share * 100} % are delivered`,
        () => shop.accepted.size >= expectedItems(total) * share,
        120_000,
      );
      await cluster.killAndRestart(name, 1_000);
    }
    const job = await cluster.api.finished(jobId, 180_000);

    const expected = expectedItems(total);
    expect(job).toMatchObject({ status: 'completed', numSuccess: expected, numError: 0, numIgnore: total - expected });
    expect(childOf(job, flow.exportId)).toMatchObject({ numSuccess: expected, numIgnore: total - expected });
    expect(childOf(job, flow.importId)).toMatchObject({ numSuccess: expected, numError: 0 });
    expect(shop.accepted.size).toBe(expected);
    // Every duplicate came in a request that was sent again under its first key.
    const repeatedRequests = [...shop.keys.values()].reduce((sum, times) => sum + times - 1, 0);
    expect(shop.duplicates).toBeLessThanOrEqual(repeatedRequests * 100);
    process.stdout.write(
      `kills: ${expected} records, ${shop.duplicates} duplicates in ${repeatedRequests} repeated requests\n`,
    );
  }, 400_000);
});
