import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '#testing/eventually';
import type { FakeAnswer } from '#testing/fake-app';
import { createShopFlow, type ShopFlow, Shop } from '../support/shop.js';
import { Standalone } from '../support/standalone.js';

/** Functions of flows that run exports and imports, and keep state. Reference: runtime §16.2, resources §19. */
describe('functions of flows that call the platform', () => {
  let millrace: Standalone;
  let shop: Shop;
  let _integrationId: string;

  beforeAll(async () => {
    [millrace, shop] = await Promise.all([Standalone.start(), Shop.open(4)]);
    _integrationId = await millrace.api.create('integrations', { name: 'Shop' });
  });
  afterAll(async () => {
    await Promise.all([millrace?.stop(), shop?.close()]);
  });

  /** Runs a flow whose `preMap` refuses each record with what it found out. @returns what the first record was told */
  async function found(body: string, flow: object = { _integrationId }): Promise<unknown> {
    const { api } = millrace;
    const content = `
import { connections, exports, flows, imports, lookupCaches, request, state } from 'integrator-api';
function preMap(options) {
  let found;
  try {
    found = (() => { ${body} })();
  } catch (error) {
    found = { code: error.code, message: error.message };
  }
  return options.data.map(() => ({ errors: [{ code: 'found', message: JSON.stringify(found ?? null) }] }));
}`;
    const _scriptId = await api.create('scripts', { name: 'Calls', content });
    const made = await createShopFlow(api, shop, {
      flow,
      import: { hooks: { preMap: { _scriptId, function: 'preMap' } } },
    });
    await api.finished(await api.run(made.flowId));
    const [error] = await api.errors(made.flowId, made.importId);
    expect(error).toMatchObject({ code: 'found' });
    return JSON.parse(error!.message) as unknown;
  }

  const steps = (options: Parameters<typeof createShopFlow>[2] = {}): Promise<ShopFlow> =>
    createShopFlow(millrace.api, shop, options);

  it('get the records of an export, its filter applied', async () => {
    const { exportId, sourceId } = await steps();
    const data = [1, 2, 3].map((id) => expect.objectContaining({ id, name: `item ${id}` }) as unknown);
    expect(await found(`return exports.run({ _id: '${exportId}' });`)).toEqual({ data });
    const definition = {
      _connectionId: sourceId,
      adaptorType: 'HTTPExport',
      http: { formType: 'http', method: 'GET', relativeURI: '/items?page=0&limit=2' },
    };
    const virtual = await found(`return exports.runVirtual({ export: ${JSON.stringify(definition)} }).data.length;`);
    expect(virtual).toBe(2);
  });

  it('send records through an import, and get an answer for each', async () => {
    const { importId } = await steps();
    shop.refuse = ({ id }) => (id === 901 ? { code: 'no', message: 'refused' } : null);
    const answers = await found(`return imports.run({ _id: '${importId}', data: [{ id: 900 }, { id: 901 }] });`);
    expect(answers).toEqual([
      expect.objectContaining({ statusCode: 200, id: '900' }),
      expect.objectContaining({ statusCode: 422, errors: [expect.objectContaining({ message: 'refused' })] }),
    ]);
    expect(shop.accepted.get(900)).toBe(1);
    expect(shop.accepted.has(901)).toBe(false);
  });

  it('read an export page by page, to its end, with the state of the page before', async () => {
    const { sourceId: _connectionId } = await steps();
    const definition = {
      _connectionId,
      pageSize: 3,
      http: {
        formType: 'http',
        method: 'GET',
        relativeURI: '/items?page={{export.http.paging.page}}&limit=2',
        paging: { method: 'page', page: 0 },
      },
    };
    const paged = `
      const definition = ${JSON.stringify(definition)};
      const pages = [];
      let pagedExportState;
      do {
        const page = exports.runVirtualWithPaging({ export: definition, pagedExportState });
        pages.push(page.data.map(({ id }) => id));
        pagedExportState = page.pagedExportState;
      } while (!pagedExportState.done);
      return pages;`;
    expect(await found(paged)).toEqual([[0, 1, 2], [3]]);
    const tampered = `
      const definition = ${JSON.stringify(definition)};
      const { pagedExportState } = exports.runVirtualWithPaging({ export: definition });
      return exports.runVirtualWithPaging({ export: definition, pagedExportState: { ...pagedExportState, pageIndex: 0 } });`;
    expect(await found(tampered)).toMatchObject({ code: 'invalid_paged_state' });
  });

  it('look records up, and get what was found for each', async () => {
    const { exportId } = await steps({
      export: {
        isLookup: true,
        http: { formType: 'http', method: 'GET', relativeURI: '/items?page={{record.page}}&limit=1' },
        filter: undefined,
      },
    });
    const answers = await found(`return exports.run({ _id: '${exportId}', data: [{ page: 2 }, { page: 9 }] });`);
    expect(answers).toEqual([
      { statusCode: 200, data: [expect.objectContaining({ id: 2 })] },
      { statusCode: 200, data: [] },
    ]);
  });

  it('run a stored step through another connection, and one that is not stored', async () => {
    const branch = await Shop.open(1);
    try {
      const { exportId } = await steps({ export: { filter: undefined } });
      const http = { formType: 'http', baseURI: branch.app.url, mediaType: 'json' };
      const _id = await millrace.api.create('connections', { name: 'Branch', type: 'http', http });
      const read = await found(`return connections.run({ _id: '${_id}', _exportId: '${exportId}' }).data.length;`);
      expect(read).toBe(1);
      const target = { http: { method: ['POST'], relativeURI: ['/entries'] } };
      const asked = { _id, import: target, data: [{ id: 960 }] };
      const answers = await found(`return connections.runVirtual(${JSON.stringify(asked)});`);
      expect(answers).toEqual([expect.objectContaining({ statusCode: 200 })]);
      expect([branch.accepted.get(960), shop.accepted.has(960)]).toEqual([1, false]);
    } finally {
      await branch.close();
    }
  });

  it('ask the API for what they may, and are refused all else', async () => {
    const { importId, exportId } = await steps();
    const before = shop.app.requests.length;
    const asked = `
      const ask = (method, relativeURI, body) => request({ method, relativeURI, body });
      return [
        ask('POST', '/v1/exports/${exportId}/invoke'),
        ask('POST', '/imports/${importId}/invoke', [{ id: 970 }]),
        ask('GET', '/v1/connections'),
        ask('DELETE', '/v1/exports/${exportId}'),
        ask('POST', '/v1/exports/../connections'),
        ask('GET', '/v1/nonsense'),
      ];`;
    const answers = (await found(asked)) as { statusCode: number; body: unknown }[];
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 403, 403, 404, 404]);
    expect(answers[0]!.body).toMatchObject({
      data: [{ id: 1 }, { id: 2 }, { id: 3 }],
      pagedExportState: { done: true },
    });
    expect(answers[1]!.body).toMatchObject([{ statusCode: 200, id: '970' }]);
    expect(answers[2]!.body).toMatchObject({ message: expect.any(String), errors: [{ code: 'access_restricted' }] });
    expect(shop.app.requests.length).toBeGreaterThan(before);
    await millrace.api.call('GET', `/v1/exports/${exportId}`);
    const outside = await found(`return request({ method: 'GET', url: '${shop.app.url}/items' });`);
    expect(outside).toMatchObject({ code: 'invalid_argument' });
  });

  it('start another flow, and do not wait for it', async () => {
    const { flowId } = await steps();
    const { _jobId } = (await found(`return flows.run({ _id: '${flowId}' });`)) as { _jobId: string };
    expect(await millrace.api.finished(_jobId)).toMatchObject({ status: 'completed', numSuccess: 3 });
  });

  it('are canceled with their run while they wait', async () => {
    const { api } = millrace;
    let gone = false;
    const held = Promise.withResolvers<FakeAnswer>();
    shop.intercept = ({ body }) => {
      if (!body.includes('"id":950')) return null;
      gone = true;
      return held.promise;
    };
    const { importId } = await steps();
    const content = `
import { imports } from 'integrator-api';
const preMap = (options) => imports.run({ _id: '${importId}', data: [{ id: 950 }] });`;
    const _scriptId = await api.create('scripts', { name: 'Waits', content });
    const hooks = { preMap: { _scriptId, function: 'preMap' } };
    const { flowId } = await steps({ flow: { _integrationId }, import: { hooks } });
    const jobId = await api.run(flowId);
    await eventually('the import is under way', () => gone);
    await api.call('PUT', `/v1/jobs/${jobId}/cancel`);
    expect(await api.finished(jobId)).toMatchObject({ status: 'canceled' });
    held.resolve({ status: 200, body: [] });
    shop.intercept = () => null;
  });

  it('use the connection of their own step, although it allows one request at a time', async () => {
    const { api } = millrace;
    const { destinationId: _connectionId } = await steps({ concurrencyLevel: 1 });
    const { exportId } = await steps({ export: { _connectionId } });
    const content = `
import { exports } from 'integrator-api';
const count = () => exports.run({ _id: '${exportId}' }).data.length;
const preSavePage = ({ data }) => ({ data: data.map((record) => ({ ...record, name: count() })), errors: [] });
const postSubmit = ({ responseData }) => { count(); return responseData; };`;
    const _scriptId = await api.create('scripts', { name: 'Shares', content });
    const script = (name: string) => ({ [name]: { _scriptId, function: name } });
    const { flowId } = await steps({
      pageSize: 1,
      flow: { _integrationId },
      export: { _connectionId, hooks: script('preSavePage') },
      import: { _connectionId, idLockTemplate: 'all', hooks: script('postSubmit') },
    });
    const job = await api.finished(await api.run(flowId), 20_000);
    expect(job).toMatchObject({ status: 'completed', numSuccess: 3, numError: 0 });
  });

  it('keep what outlives the run', async () => {
    const count = `const n = (state.get('n') ?? 0) + 1; state.put('n', n); return [n, state.find()];`;
    expect(await found(count)).toEqual([1, ['n']]);
    expect(await found(count)).toEqual([2, ['n']]);
    expect(await found(`state.delete('n'); return state.find();`)).toEqual([]);
  });

  it('keep it where the API reads and writes it too', async () => {
    const { api } = millrace;
    await found(`state.put('by script', { n: 1 }); return 0;`);
    expect(await api.call('GET', '/v1/state')).toEqual({ keys: ['by script'] });
    expect(await api.call('GET', '/v1/state/by%20script')).toEqual({ n: 1 });
    expect((await api.send('PUT', '/v1/state/by%20script', { n: 2 })).status).toBe(200);
    expect((await api.send('PUT', '/v1/state/by%20API', [3])).status).toBe(201);
    expect(await found(`return [state.get('by script'), state.get('by API')];`)).toEqual([{ n: 2 }, [3]]);
    expect((await api.send('DELETE', '/v1/state')).status).toBe(204);
    expect(await found(`return state.find();`)).toEqual([]);
  });

  it.each([
    ['in a flow of no integration', `exports.run({ _id: '${'0'.repeat(24)}' })`, {}, 'integration_required'],
    ['of what does not exist', `exports.run({ _id: '${'0'.repeat(24)}' })`, undefined, 'resource_not_found'],
    ['of the wrong form', `imports.run({ _id: '${'0'.repeat(24)}' })`, undefined, 'invalid_argument'],
    ['of an export that is none', `exports.runVirtual({ export: {} })`, undefined, 'missing_required_field'],
    ['of a value too large', `state.put('a', 'x'.repeat(300_000))`, undefined, 'request_size_exceeded'],
    ['of a flow that does not exist', `flows.run({ _id: '${'0'.repeat(24)}' })`, {}, 'resource_not_found'],
    ['that would change resources', `exports.create({})`, undefined, 'not_supported'],
    ['of a lookup cache', `lookupCaches.run({})`, undefined, 'not_supported'],
    ['of the API in a flow of no integration', `request({ url: '/v1/flows' })`, {}, 'integration_required'],
  ])('get an exception from a call %s', async (_, call, flow, code) => {
    expect(await found(`return ${call};`, flow)).toMatchObject({ code });
  });

  it('end when exports call each other without end', async () => {
    const { api } = millrace;
    const content = `
import { exports } from 'integrator-api';
function preSavePage(options) { return { data: exports.run({ _id: options.settings.export.self }).data, errors: [] }; }`;
    const _scriptId = await api.create('scripts', { name: 'Circle', content });
    const hooks = { preSavePage: { _scriptId, function: 'preSavePage' } };
    const { exportId } = await steps({ export: { hooks } });
    const stored = await api.call<object>('GET', `/v1/exports/${exportId}`);
    await api.call('PUT', `/v1/exports/${exportId}`, { ...stored, settings: { self: exportId } });
    expect(await found(`return exports.run({ _id: '${exportId}' });`)).toMatchObject({ code: 'host_calls_too_deep' });
  });
});
