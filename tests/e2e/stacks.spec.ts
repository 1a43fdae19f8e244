import { callbackify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { StackServer } from '#testing/stack-server';
import { childOf } from '../support/api.js';
import { createShopFlow, Shop } from '../support/shop.js';
import { Standalone } from '../support/standalone.js';

interface Order {
  readonly id: number;
  readonly total?: number;
}

/** An application that only functions of a stack can speak to: three pages of orders, and a place for what is imported. */
class OwnApplication {
  readonly stored: Order[] = [];
  readonly orders: readonly Order[] = Array.from({ length: 30 }, (_, at) => ({ id: at + 1 }));

  page(from: number): { data: readonly Order[]; lastPage: boolean; state: { from: number } } {
    return { data: this.orders.slice(from, from + 10), lastPage: from + 10 >= 30, state: { from: from + 10 } };
  }
}

/** What the API answers a function of a stack that shows its one-time token. */
async function ask(api: string, method: string, path: string, token: unknown, body?: unknown): Promise<number> {
  const response = await fetch(`${api}${path}`, {
    method,
    headers: { authorization: `Bearer ${String(token)}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  await response.arrayBuffer();
  return response.status;
}

describe('a flow whose adaptor and hooks live in a server stack (runtime §16.3)', () => {
  const application = new OwnApplication();
  let millrace: Standalone;
  let stack: StackServer;
  /** What `asksBack` is told by the API, and the token that it was told it with. */
  const told: { token: unknown; statuses: number[] }[] = [];
  let paths: readonly (readonly [method: string, path: string, body?: unknown])[] = [];

  beforeAll(async () => {
    [millrace, stack] = await Promise.all([
      Standalone.start(),
      StackServer.start({
        hooks: {
          dropOdd: ({ data }, callback) =>
            callback(null, { data: (data as Order[]).filter(({ id }) => id % 2 === 0), errors: [] }),
          asksBack: callbackify(async ({ data, bearerToken }: Record<string, unknown>) => {
            const { url } = millrace.api;
            const answers = paths.map(([method, path, body]) => ask(url, method, path, bearerToken, body));
            told.push({ token: bearerToken, statuses: await Promise.all(answers) });
            return { data, errors: [] };
          }),
          addTotal: ({ data, configuration }, callback) => {
            const { factor } = configuration as { factor: number };
            const edited = (data as Order[]).map((order) =>
              order.id === 20
                ? { errors: [{ code: 'closed_order', message: 'The order is closed.' }] }
                : { data: { ...order, total: order.id * factor } },
            );
            callback(null, edited);
          },
        },
        wrappers: {
          ping: ({ connection }, callback) => {
            const { encrypted } = connection as { encrypted: { key: string } };
            callback(null, encrypted.key === 's3cret' ? { statusCode: 200 } : { statusCode: 401, errors: [] });
          },
          read: ({ state }, callback) => callback(null, application.page((state as { from?: number })?.from ?? 0)),
          write: ({ postMapData }, callback) => {
            application.stored.push(...(postMapData as Order[]));
            callback(
              null,
              (postMapData as Order[]).map(({ id }) => ({ statusCode: 200, id: `order-${id}` })),
            );
          },
        },
      }),
    ]);
  });
  afterAll(async () => {
    await Promise.all([millrace?.stop(), stack?.close()]);
  });

  it('reads, edits and writes through the stack', async () => {
    const { api } = millrace;
    const _stackId = await api.create('stacks', { name: 'Own', type: 'server', server: { hostURI: stack.url } });
    stack.systemToken = (
      await api.call<{ systemToken: string }>('GET', `/v1/stacks/${_stackId}/systemToken`)
    ).systemToken;
    const _connectionId = await api.create('connections', {
      name: 'Own application',
      type: 'wrapper',
      wrapper: { pingFunction: 'ping', _stackId, encrypted: { key: 's3cret' } },
    });
    expect(await api.call('GET', `/v1/connections/${_connectionId}/ping`)).toEqual({ code: 200 });
    const exportId = await api.create('exports', {
      name: 'Orders',
      _connectionId,
      wrapper: { function: 'read' },
      hooks: { preSavePage: { _stackId, function: 'dropOdd' } },
    });
    const importId = await api.create('imports', {
      name: 'Orders',
      _connectionId,
      wrapper: { function: 'write' },
      hooks: { preMap: { _stackId, function: 'addTotal', configuration: { factor: 10 } } },
    });
    const flowId = await api.create('flows', {
      name: 'Own to own',
      pageGenerators: [{ _exportId: exportId }],
      pageProcessors: [{ type: 'import', _importId: importId }],
    });
    const job = await api.finished(await api.run(flowId));
    expect(job).toMatchObject({ status: 'completed', numSuccess: 14, numError: 1, numIgnore: 15 });
    expect(childOf(job, exportId)).toMatchObject({ numSuccess: 15, numIgnore: 15 });
    expect(application.stored.toSorted((a, b) => a.id - b.id)).toEqual(
      application.orders.filter(({ id }) => id % 2 === 0 && id !== 20).map(({ id }) => ({ id, total: id * 10 })),
    );
    expect(await api.errors(flowId, importId)).toMatchObject([
      { code: 'closed_order', source: 'pre_map_hook', traceKey: '20' },
    ]);
  });

  it('lends its functions a token that invokes what their integration has, until they return (resources §1.1)', async () => {
    const { api } = millrace;
    const shop = await Shop.open(3);
    try {
      const _stackId = await api.create('stacks', { name: 'Asks', type: 'server', server: { hostURI: stack.url } });
      const { systemToken } = await api.call<{ systemToken: string }>('GET', `/v1/stacks/${_stackId}/systemToken`);
      stack.systemToken = systemToken;
      const [here, there] = await Promise.all([
        api.create('integrations', { name: 'Here' }),
        api.create('integrations', { name: 'There' }),
      ]);
      const preSavePage = { _stackId, function: 'asksBack' };
      const own = await createShopFlow(api, shop, {
        flow: { _integrationId: here },
        export: { hooks: { preSavePage } },
      });
      const inside = await createShopFlow(api, shop, { flow: { _integrationId: here } });
      const outside = await createShopFlow(api, shop, { flow: { _integrationId: there } });
      paths = [
        ['POST', `/v1/exports/${inside.exportId}/invoke`, {}],
        ['POST', `/v1/imports/${inside.importId}/invoke`, [{ id: 980 }]],
        ['POST', `/v1/exports/${outside.exportId}/invoke`, {}],
        ['POST', `/v1/connections/${inside.sourceId}/export`, { export: {} }],
        ['GET', `/v1/exports/${inside.exportId}`],
        ['GET', '/v1/connections'],
      ];
      const job = await api.finished(await api.run(own.flowId));
      expect(job).toMatchObject({ status: 'completed', numError: 0 });
      expect(told.map(({ statuses }) => statuses)).toEqual([[200, 200, 403, 403, 403, 403]]);
      expect(shop.accepted.get(980)).toBe(1);
      const { token } = told[0]!;
      expect(await ask(api.url, 'POST', `/v1/exports/${inside.exportId}/invoke`, token, {})).toBe(401);
    } finally {
      await shop.close();
    }
  });
});
