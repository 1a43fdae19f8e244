import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { FakeAnswer } from '#testing/fake-app';
import { FakeApp } from '#testing/fake-app';
import type { JobDocument, StepErrorDocument } from '../support/api.js';
import { createShopFlow, Shop } from '../support/shop.js';
import { Standalone } from '../support/standalone.js';

let millrace: Standalone;
let shop: Shop;
let source: FakeApp;

beforeAll(async () => {
  [millrace, shop, source] = await Promise.all([Standalone.start(), Shop.open(10), FakeApp.start()]);
});
afterAll(async () => {
  await Promise.all([millrace?.stop(), shop?.close(), source.close()]);
});

describe('the API refuses', () => {
  it.each<[string, string, string, string | object | undefined, number, string]>([
    ['half a JSON', 'POST', '/v1/flows', '{"name":', 400, 'invalid_json'],
    ['a flow without a name', 'POST', '/v1/flows', {}, 422, 'missing_required_field'],
    ['a wrong type', 'POST', '/v1/flows', { name: 7 }, 422, 'invalid_field_value'],
    ['an unknown id', 'GET', '/v1/flows/0123456789abcdef01234567', undefined, 404, 'resource_not_found'],
    ['a malformed id', 'GET', '/v1/flows/nonsense', undefined, 404, 'resource_not_found'],
    ['free text as a schedule', 'POST', '/v1/flows', { name: 'x', schedule: 'every day' }, 422, 'invalid_field'],
    [
      'a schedule below a minute',
      'POST',
      '/v1/flows',
      { name: 'x', schedule: '*/5 * * * * *' },
      422,
      'schedule_not_supported',
    ],
    ['an unknown route', 'GET', '/v1/nonsense', undefined, 404, 'resource_not_found'],
  ])('%s', async (_what, method, path, body, status, code) => {
    const answer = await millrace.api.send<{ errors: { code: string; message: string }[] }>(method, path, body);
    expect([answer.status, answer.body.errors[0]?.code]).toEqual([status, code]);
    expect(answer.body.errors[0]?.message).toMatch(/\S/);
  });

  it('a body over 10 MB', async () => {
    const answer = await millrace.api.send<{ errors: { code: string }[] }>(
      'POST',
      '/v1/flows',
      JSON.stringify({ name: 'x'.repeat(11_000_000) }),
    );
    expect([answer.status, answer.body.errors[0]?.code]).toEqual([413, 'body_too_large']);
  });

  it('a body that is no JSON', async () => {
    const answer = await millrace.api.send('POST', '/v1/flows', 'name=x', {
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(answer.status).toBe(415);
  });

  it('a token that nobody has', async () => {
    const answer = await fetch(`${millrace.api.url}/v1/flows`, { headers: { authorization: 'Bearer nobody' } });
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ message: expect.any(String), errors: [{ code: expect.any(String) }] });
  });
});

describe('a source that misbehaves ends its run with a clear error', () => {
  beforeEach(() => {
    shop.accepted.clear();
  });

  async function runOver(
    answer: (page: number) => FakeAnswer,
    http: object = {},
  ): Promise<{ job: JobDocument; errors: readonly StepErrorDocument[] }> {
    source.answer((request) => answer(Number(request.query.get('page') ?? 0)));
    const { api } = millrace;
    const connection = await api.create('connections', {
      name: 'Odd',
      type: 'http',
      http: { formType: 'http', baseURI: source.url, mediaType: 'json' },
    });
    const flow = await createShopFlow(api, shop, {
      export: {
        _connectionId: connection,
        http: {
          formType: 'http',
          method: 'GET',
          relativeURI: '/items?page={{export.http.paging.page}}',
          paging: { method: 'page', page: 0 },
          ...http,
        },
      },
    });
    const job = await api.finished(await api.run(flow.flowId));
    return { job, errors: await api.errors(flow.flowId, flow.exportId) };
  }

  const record = (id: number): object => ({ id, quantity: 1, name: 'x', address: { city: 'y' } });

  it.each<[string, (page: number) => FakeAnswer, string, string, number]>([
    [
      'HTML',
      () => ({ headers: { 'content-type': 'text/html' }, body: '<html>login</html>' }),
      'failed',
      'parse_error',
      0,
    ],
    [
      'half a JSON',
      () => ({ headers: { 'content-type': 'application/json' }, body: '[{"id":1},{"id"' }),
      'failed',
      'parse_error',
      0,
    ],
    ['a status 403', () => ({ status: 403, body: { message: 'no' } }), 'failed', '403', 0],
    [
      'a failure after a good page',
      (page) => (page === 0 ? { body: [record(1)] } : { status: 400, body: {} }),
      'failed',
      '400',
      1,
    ],
    ['the same page for ever', () => ({ body: [record(1)] }), 'failed', 'endless_paging', 1],
    [
      'a redirect to itself',
      () => ({ status: 302, headers: { location: `${source.url}/items` } }),
      'failed',
      'too_many_redirects',
      0,
    ],
    [
      'one record of 10 MB among others',
      (page) => ({ body: page === 0 ? [record(1), { ...record(2), text: 'x'.repeat(10_000_000) }, record(3)] : [] }),
      'completed',
      'record_too_large',
      2,
    ],
  ])('%s', async (_what, answer, status, code, delivered) => {
    const { job, errors } = await runOver(answer);
    expect([job.status, errors.map((e) => e.code)]).toEqual([status, [code]]);
    expect(shop.accepted.size).toBe(delivered);
    expect(job.numSuccess).toBe(delivered);
  });

  it.each<[string, (page: number) => FakeAnswer, number]>([
    ['204', () => ({ status: 204 }), 0],
    [
      'another content type than it is',
      (page) => ({ headers: { 'content-type': 'text/plain' }, body: page === 0 ? JSON.stringify([record(1)]) : '[]' }),
      1,
    ],
  ])('but takes %s', async (_what, answer, delivered) => {
    const { job, errors } = await runOver(answer);
    expect([job.status, job.numSuccess, errors]).toEqual(['completed', delivered, []]);
  });

  it('a template that cannot be resolved', async () => {
    const { job, errors } = await runOver(() => ({ body: [] }), {
      relativeURI: '/items/{{settings.flow.missing}}',
      paging: undefined,
    });
    expect([job.status, errors.map((e) => e.code)]).toEqual(['failed', ['handlebars_template_parse_error']]);
  });

  it('an address that flows may not reach', async () => {
    const connection = await millrace.api.create('connections', {
      name: 'Metadata',
      type: 'http',
      http: { formType: 'http', baseURI: 'http://169.254.169.254', mediaType: 'json' },
    });
    const flow = await createShopFlow(millrace.api, shop, { export: { _connectionId: connection } });
    const job = await millrace.api.finished(await millrace.api.run(flow.flowId));
    const errors = await millrace.api.errors(flow.flowId, flow.exportId);
    expect([job.status, errors.map((e) => e.code)]).toEqual(['failed', ['egress_refused']]);
  });
});

describe('a destination that hangs', () => {
  it('costs its records a time-out error, and nobody else anything', async () => {
    const { api } = millrace;
    shop.accepted.clear();
    shop.intercept = (request) => (request.body.includes('"id":3,') ? { hang: true } : null);
    const flow = await createShopFlow(api, shop, {
      batchSize: 1,
      import: {
        maxAttempts: 1,
        http: {
          formType: 'http',
          method: ['POST'],
          relativeURI: ['/entries'],
          requestMediaType: 'json',
          timeoutSeconds: 1,
          idempotencyKeyHeader: '',
        },
      },
    });
    const job = await api.finished(await api.run(flow.flowId));
    shop.intercept = () => null;
    const errors = await api.errors(flow.flowId, flow.importId);
    expect(errors.map((e) => [e.code, e.classification])).toEqual([['timeout', 'intermittent']]);
    expect([job.status, job.numSuccess, job.numError]).toEqual(['completed', 8, 1]);
    expect(millrace.isRunning).toBe(true);
  });
});
