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
import { exports, flows, imports, state } from 'integrator-api';
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

  it.each([
    ['in a flow of no integration', `exports.run({ _id: '${'0'.repeat(24)}' })`, {}, 'integration_required'],
    ['of what does not exist', `exports.run({ _id: '${'0'.repeat(24)}' })`, undefined, 'resource_not_found'],
    ['of the wrong form', `imports.run({ _id: '${'0'.repeat(24)}' })`, undefined, 'invalid_argument'],
    ['of an export that is none', `exports.runVirtual({ export: {} })`, undefined, 'missing_required_field'],
    ['of a value too large', `state.put('a', 'x'.repeat(300_000))`, undefined, 'request_size_exceeded'],
    ['of a flow that does not exist', `flows.run({ _id: '${'0'.repeat(24)}' })`, {}, 'resource_not_found'],
    ['that would change resources', `exports.create({})`, undefined, 'not_supported'],
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
