import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '#testing/eventually';
import { createShopFlow, item, Shop } from '../support/shop.js';
import { Standalone } from '../support/standalone.js';

const total = 205;

interface LogPage {
  readonly logs: readonly { readonly logLevel: string; readonly functionType: string; readonly message: string }[];
}

describe('a flow with scripts', () => {
  let millrace: Standalone;
  let shop: Shop;

  beforeAll(async () => {
    [millrace, shop] = await Promise.all([Standalone.start(), Shop.open(total)]);
  });
  afterAll(async () => {
    await Promise.all([millrace?.stop(), shop?.close()]);
  });

  it('runs their functions in every place, keeps their logs, and survives one that brings its sandbox down', async () => {
    const { api } = millrace;
    const content = `
import dayjs from 'dayjs';

let pages = 0;
const passes = ({ record }) => record.id % 2 === 0;

function preSavePage(options) {
  pages += 1;
  console.log('page', options.pageIndex, 'number', pages, dayjs.utc(0).year());
  return { data: options.data.map((record) => ({ ...record, name: record.name.toUpperCase() })), errors: options.errors };
}

function preMap(options) {
  return options.data.map((record) => {
    if (record.id === 10) return { errors: [{ code: 'no_ten', message: 'ten is refused' }] };
    return record.id === 12 ? {} : { data: record };
  });
}

function crash() {
  return ('x'.repeat(2 ** 27) + 1).split('');
}`;
    const _scriptId = await api.create('scripts', { name: 'Functions', content });
    const script = (name: string) => ({ _scriptId, function: name });
    const flow = await createShopFlow(api, shop, {
      pageSize: 50,
      export: { filter: { type: 'script', script: script('passes') }, hooks: { preSavePage: script('preSavePage') } },
      import: { hooks: { preMap: script('preMap') } },
    });
    const even = Array.from({ length: total }, (_, id) => item(id)).filter(({ id }) => id % 2 === 0);

    const job = await api.finished(await api.run(flow.flowId));
    expect(job).toMatchObject({ status: 'completed', numSuccess: even.length - 2, numError: 1 });
    expect([...shop.accepted.keys()].toSorted((a, b) => a - b)).toEqual(
      even.map(({ id }) => id).filter((id) => id !== 10 && id !== 12),
    );
    const [error] = await api.errors(flow.flowId, flow.importId);
    expect(error).toMatchObject({ code: 'no_ten', message: 'ten is refused', source: 'pre_map_hook' });

    const logs = (): Promise<LogPage> => api.call('GET', `/v1/scripts/${_scriptId}/logs?level=info`);
    await eventually('the log is written', async () => (await logs()).logs.length === 5);
    const written = (await logs()).logs;
    expect(new Set(written.map(({ functionType }) => functionType))).toEqual(new Set(['preSavePage']));
    expect(written.map(({ message }) => message).toReversed()).toEqual(
      Array.from({ length: 5 }, (_, page) => `page ${page} number ${page + 1} 1970`),
    );

    const importDocument = await api.call<object>('GET', `/v1/imports/${flow.importId}`);
    await api.call('PUT', `/v1/imports/${flow.importId}`, { ...importDocument, hooks: { preMap: script('crash') } });
    const crashed = await api.finished(await api.run(flow.flowId));
    expect(crashed).toMatchObject({ status: 'completed', numSuccess: 0, numError: even.length });
    const codes = new Set((await api.errors(flow.flowId, flow.importId)).map(({ code }) => code));
    codes.delete('no_ten');
    expect([...codes].every((code) => /^script_(crashed|memory_exceeded|quarantined)$/.test(code))).toBe(true);
  });
});
