import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '#model';
import type { StepErrorRow } from '#store';
import { type GatewayUnderTest, makeFlow, startGateway } from '../../testing/gateway-under-test.js';

let gateway: GatewayUnderTest;
let flow: Awaited<ReturnType<typeof makeFlow>>;
const jobId = newId();
const total = 25;

beforeAll(async () => {
  gateway = await startGateway();
  flow = await makeFlow(gateway.alice);
  const errors = Array.from({ length: total }, (_, i): StepErrorRow => ({
    errorId: newId(),
    accountId: gateway.alice.accountId,
    flowId: flow.flowId,
    stepId: flow.importId,
    flowJobId: jobId,
    occurredAt: new Date(Date.parse('2026-06-01T00:00:00.000Z') + i * 1000).toISOString(),
    source: i % 5 === 0 ? 'mapping' : 'application',
    code: '422',
    message: `error ${i}`,
    classification: i % 2 === 0 ? 'value' : null,
    classifiedBy: null,
    traceKey: `k${i}`,
    exportDataURI: null,
    importDataURI: null,
    oIndex: '1',
    retryDataKey: `r${i}`,
    retriable: true,
    reqAndResKey: `q${i}`,
    traceId: null,
    warning: false,
    purgeAt: '2036-07-01T00:00:00.000Z',
    retryData: { data: { id: i }, stage: 'page_processor_import', traceKey: `k${i}` },
    exchange: { method: 'POST', status: 422 },
  }));
  await gateway.store.ledger.apply({
    topic: 'step-results',
    group: 'test',
    partition: 0,
    firstOffset: 0n,
    nextOffset: 1n,
    pages: [],
    generators: [],
    finished: [],
    errors,
  });
});
afterAll(() => gateway.close());

type Page = { errors: Record<string, unknown>[]; nextPageURL?: string };
const list = (query = '', step = flow.importId) =>
  gateway.alice.call<Page>('GET', `/v1/flows/${flow.flowId}/${step}/errors${query}`);

describe('GET /flows/:id/:stepId/errors', () => {
  it('lists open errors, newest first', async () => {
    const { status, body } = await list();
    expect(status).toBe(200);
    expect(body.errors).toHaveLength(total);
    expect(body).not.toHaveProperty('nextPageURL');
    expect(body.errors[0]).toMatchObject({
      errorId: expect.any(String),
      occurredAt: '2026-06-01T00:00:24.000Z',
      source: 'application',
      code: '422',
      message: 'error 24',
      traceKey: 'k24',
      oIndex: '1',
      retryDataKey: 'r24',
      _flowJobId: jobId,
      classification: 'value',
    });
    expect(body.errors[0]).not.toHaveProperty('accountId');
    expect(body.errors[1]).not.toHaveProperty('classification');
  });

  it('pages by nextPageURL, each error once', async () => {
    const seen: unknown[] = [];
    let url: string | undefined = `/v1/flows/${flow.flowId}/${flow.importId}/errors?limit=10&source=application`;
    let pages = 0;
    while (url) {
      const { body }: { body: Page } = await gateway.alice.call<Page>('GET', url);
      seen.push(...body.errors.map((error) => error['message']));
      url = body.nextPageURL;
      if (url) expect(url).toMatch(/^\/v1\/flows\//);
      pages += 1;
    }
    expect(pages).toBe(2);
    expect(new Set(seen).size).toBe(20);
  });

  it.each([
    ['?source=mapping', 5],
    ['?classification=value', 13],
    ['?occurredAt_gte=2026-06-01T00:00:20.000Z', 5],
    ['?occurredAt_lte=2026-06-01T00:00:04.000Z', 5],
    ['?occurredAt_gte=2026-06-01T00:00:05.000Z&occurredAt_lte=2026-06-01T00:00:06.000Z', 2],
    [`?_flowJobId=${jobId}&limit=3`, 3],
  ])('filters %s', async (query, count) => expect((await list(query)).body.errors).toHaveLength(count));

  it.each(['?source=nowhere', '?occurredAt_gte=x', '?limit=0', '?after=abc', '?classification=odd'])(
    'refuses %s',
    async (query) => expect((await list(query)).status).toBe(400),
  );

  it('answers an empty list for a step without errors, 404 for what is no step', async () => {
    expect(await list('', flow.exportId)).toMatchObject({ status: 200, body: { errors: [] } });
    expect((await list('', flow.connectionId)).status).toBe(404);
    expect((await list('', 'abc')).status).toBe(404);
  });

  it('serves the aliases of published clients', async () => {
    const url = `/v1/flows/${flow.flowId}/imports/${flow.importId}/errors?limit=1`;
    expect((await gateway.alice.call<Page>('GET', url)).body.errors).toHaveLength(1);
  });
});

describe('GET /flows/:id/errors', () => {
  it('counts open errors by step', async () => {
    const { body } = await gateway.alice.call('GET', `/v1/flows/${flow.flowId}/errors`);
    expect(body).toEqual({
      flowErrors: [{ _expOrImpId: flow.importId, numError: total, lastErrorAt: '2026-06-01T00:00:24.000Z' }],
    });
  });
});

describe('what an error names', () => {
  it('can be read: retry data and the stored exchange', async () => {
    const step = `/v1/flows/${flow.flowId}/${flow.importId}`;
    expect((await gateway.alice.call('GET', `${step}/r3/data`)).body).toMatchObject({ data: { id: 3 } });
    expect((await gateway.alice.call('GET', `${step}/requests/q3`)).body).toMatchObject({ status: 422 });
    expect((await gateway.alice.call('GET', `${step}/nothing/data`)).status).toBe(404);
    expect((await gateway.alice.call('GET', `${step}/requests/nothing`)).status).toBe(404);
  });
});
