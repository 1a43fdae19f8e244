import { beforeEach, describe, expect, it } from '@jest/globals';
import { decodeTryOutHeader, decodeTryOutTask, encodeTryOutReply, type TryOutReply } from '#contracts';
import type { JsonValue } from '#model';
import { SecretBox, Signer } from '#security';
import type { State } from '#store';
import { silentLogger } from '#telemetry';
import { eventually } from '#testing/eventually';
import { FakeStore } from '#testing/fakes/fake-store';
import { type PagedExportState, PagedReads, pagedStatePurpose, PagedStates } from '#try-outs';
import { systemClock } from '../system-clock.js';
import type { Control, HostCallAnswer, HostCallScope, TryOutTask, WorkerApi } from '../workers/protocol.js';
import { FlowCalls } from './flow-calls.js';
import { HostCalls } from './host-calls.js';
import { StateCalls } from './state-calls.js';
import { StepCalls } from './step-calls.js';

const ids = {
  account: 'a'.repeat(24),
  other: 'b'.repeat(24),
  integration: 'c'.repeat(24),
  connection: 'd'.repeat(24),
  second: '3'.repeat(24),
  database: '4'.repeat(24),
  lookup: '5'.repeat(24),
  export: 'e'.repeat(24),
  import: 'f'.repeat(24),
  flow: '1'.repeat(24),
  disabled: '2'.repeat(24),
  nothing: '0'.repeat(24),
};
const scope: HostCallScope = { accountId: ids.account, integrationId: ids.integration, depth: 0 };
const read: TryOutReply = {
  v: 1,
  kind: 'read',
  data: [{ id: 1 }],
  errors: [],
  stages: [],
  endedEarly: false,
  next: null,
};

const found: TryOutReply = { v: 1, kind: 'lookup', responses: [{ statusCode: 200, data: [{ price: 3 }] }] };
const written: TryOutReply = {
  v: 1,
  kind: 'write',
  mapped: [],
  requests: [],
  responses: [{ statusCode: 200, id: '1' }],
  stages: [],
};
const http = { formType: 'http', method: 'GET', relativeURI: '/' };
const definition = { _connectionId: ids.connection, adaptorType: 'HTTPExport', http };

const keyring = SecretBox.createKey('test');
const pages = new PagedReads(
  new PagedStates(SecretBox.fromKeyring(keyring), Signer.fromKeyring(keyring, pagedStatePurpose), () => Date.now()),
  () => Date.now(),
);

/** Main thread with a worker that only listens. */
class World {
  readonly store = new FakeStore(systemClock);
  readonly asked: TryOutTask[] = [];
  readonly canceled: string[] = [];
  readonly offered: string[] = [];
  reply: TryOutReply | null = read;
  readonly #answers = new Map<number, HostCallAnswer>();
  readonly #values = new Map<string, JsonValue>();
  #lost: (worker: number) => void = () => undefined;
  #requestId = 0;
  readonly calls: HostCalls;

  constructor() {
    const state: State = {
      get: async (accountId, key) => this.#values.get(`${accountId}/${key}`),
      put: async (accountId, key, value, maxKeys) => {
        if (this.#values.size >= maxKeys) return 'full';
        this.#values.set(`${accountId}/${key}`, value);
        return 'created';
      },
      delete: async (accountId, key) => this.#values.delete(`${accountId}/${key}`),
      keys: async (accountId) => [...this.#values.keys()].filter((key) => key.startsWith(accountId)),
      clear: async () => this.#values.clear(),
    };
    const dispatcher = {
      tryOut: (task: TryOutTask): Promise<Uint8Array> => {
        this.asked.push(task);
        return this.reply ? Promise.resolve(encodeTryOutReply(this.reply)) : new Promise(() => undefined);
      },
      cancelTryOut: async (id: string) => void this.canceled.push(id),
    };
    const { documents, jobs } = this.store;
    const worker = {
      control: async (message: Control) => {
        if (message.kind === 'host-answer') this.#answers.set(message.requestId, message.answer);
      },
    } as unknown as WorkerApi;
    this.calls = new HostCalls({
      steps: new StepCalls({ documents, dispatcher, pages, clock: systemClock }),
      flows: new FlowCalls({ documents, jobs, bus: { offer: (topic) => void this.offered.push(topic) } }),
      state: new StateCalls(state),
      pool: { worker: () => worker, onLost: (listener) => (this.#lost = listener) },
      logger: silentLogger,
    });
  }

  ask(name: string, values: readonly unknown[], from: HostCallScope = scope): number {
    this.#requestId += 1;
    const requestId = this.#requestId;
    this.calls.handle(0, { kind: 'host-call', requestId, scope: from, name, values: JSON.stringify(values) });
    return requestId;
  }

  async answer(name: string, values: readonly unknown[], from: HostCallScope = scope): Promise<HostCallAnswer> {
    const requestId = this.ask(name, values, from);
    await eventually('the call is answered', () => this.#answers.has(requestId));
    return this.#answers.get(requestId)!;
  }

  /** @returns what the script gets */
  async given<T>(name: string, values: readonly unknown[], from: HostCallScope = scope): Promise<T> {
    const answer = await this.answer(name, values, from);
    if (!('json' in answer)) throw new Error(JSON.stringify(answer));
    return JSON.parse(answer.json ?? 'null') as T;
  }

  isAnswered(requestId: number): boolean {
    return this.#answers.has(requestId);
  }

  lose(): void {
    this.#lost(0);
  }
}

let world: World;
beforeEach(() => {
  world = new World();
  const { store } = world;
  store.put(ids.account, 'connections', { _id: ids.connection, name: 'c', type: 'http' });
  const step = { name: 's', _connectionId: ids.connection, adaptorType: 'HTTPExport' };
  store.put(ids.account, 'connections', { _id: ids.second, name: 'c', type: 'http' });
  store.put(ids.account, 'connections', { _id: ids.database, name: 'c', type: 'rdbms', rdbms: { type: 'postgresql' } });
  store.put(ids.account, 'exports', { _id: ids.export, ...step, http });
  store.put(ids.account, 'exports', { _id: ids.lookup, ...step, http, isLookup: true });
  store.put(ids.account, 'imports', { _id: ids.import, ...step, adaptorType: 'HTTPImport' });
  store.put(ids.account, 'integrations', { _id: ids.integration, name: 'i', settings: { a: 1 } });
  store.put(ids.account, 'flows', { _id: ids.flow, name: 'f' });
  store.put(ids.account, 'flows', { _id: ids.disabled, name: 'f', disabled: true });
});

describe('a call of an export or import', () => {
  it('is done by a worker, for the account of the run, one level deeper, with the settings of its integration', async () => {
    const traced = { ...scope, depth: 2, traceparent: '00-1-2-01' };
    expect(await world.answer('exports.run', [{ _id: ids.export }], traced)).toEqual({ json: '{"data":[{"id":1}]}' });
    const [task] = world.asked;
    expect(task).toMatchObject({ depth: 3, traceparent: '00-1-2-01' });
    expect(decodeTryOutHeader(task!.payload)).toMatchObject({ accountId: ids.account });
    expect(decodeTryOutTask(task!.payload)).toMatchObject({
      kind: 'read',
      exportId: ids.export,
      isWhole: true,
      plan: { flow: { _integrationId: ids.integration }, settings: { integration: { a: 1 } } },
    });
  });

  it('sends records, and answers for each', async () => {
    world.reply = written;
    const answer = await world.given('imports.run', [{ _id: ids.import, data: [{ a: 1 }] }]);
    expect(answer).toEqual(written.responses);
    expect(decodeTryOutTask(world.asked[0]!.payload)).toMatchObject({ until: 'send', records: [{ a: 1 }] });
  });

  it.each<[string, TryOutReply, string]>([
    ['fails before its end', { ...read, endedEarly: true, errors: [{ code: '503', message: 'down' }] }, '503'],
    [
      'cannot be executed',
      { v: 1, kind: 'refused', why: 'invalid', reasons: [{ code: 'invalid_flow', message: 'no' }] },
      'invalid_flow',
    ],
    ['is answered with something else', { v: 1, kind: 'template', text: 'x' }, 'internal_error'],
  ])('throws in the script when it %s', async (_, reply, code) => {
    world.reply = reply;
    expect(await world.answer('exports.run', [{ _id: ids.export }])).toMatchObject({ code });
  });

  it.each<[string, string, unknown[], Partial<HostCallScope>, string]>([
    [
      'outside of an integration',
      'exports.run',
      [{ _id: ids.export }],
      { integrationId: null },
      'integration_required',
    ],
    ['too deep', 'imports.run', [{ _id: ids.import, data: [] }], { depth: 3 }, 'host_calls_too_deep'],
    ['of another account', 'exports.run', [{ _id: ids.export }], { accountId: ids.other }, 'resource_not_found'],
    ['of nothing', 'imports.run', [{ _id: ids.nothing, data: [] }], {}, 'resource_not_found'],
    [
      'through a connection of another account',
      'exports.runVirtual',
      [{ export: definition }],
      { accountId: ids.other },
      'invalid_ref',
    ],
  ])('is refused %s', async (_, name, values, changed, code) => {
    expect(await world.answer(name, values, { ...scope, ...changed })).toMatchObject({ code });
    expect(world.asked).toEqual([]);
  });

  it.each<[string, () => void]>([
    ['nobody waits any more', () => world.calls.handle(0, { kind: 'host-call-over', requestId: 1 })],
    ['its worker died', () => world.lose()],
  ])('is canceled when %s', async (_, end) => {
    world.reply = null;
    const requestId = world.ask('exports.run', [{ _id: ids.export }]);
    await eventually('it is under way', () => world.asked.length === 1);
    end();
    await eventually('it is canceled', () => world.canceled.length === 1);
    expect(world.canceled).toEqual([world.asked[0]!.id]);
    expect(world.isAnswered(requestId)).toBe(false);
  });
});

describe('arguments', () => {
  it.each<[string, unknown[]]>([
    ['exports.run', []],
    ['exports.run', [ids.export]],
    ['exports.run', [{ _id: 'short' }]],
    ['exports.run', [{ _id: ids.export, data: {} }]],
    ['exports.run', [{ _id: ids.export }, {}]],
    ['exports.run', [{ _id: ids.export, accountId: ids.other }]],
    ['exports.runVirtual', [{ export: [] }]],
    ['exports.runVirtual', [{ export: definition, pagedExportState: null }]],
    ['exports.runVirtualWithPaging', [{ _id: ids.export }]],
    ['exports.runVirtualWithPaging', [{ export: definition, pagedExportState: 'first' }]],
    ['exports.runVirtualWithPaging', [{ export: definition, pagedExportState: {} }]],
    ['exports.runVirtualWithPaging', [{ export: definition, data: [] }]],
    ['connections.run', [{ _id: ids.connection }]],
    ['connections.run', [{ _id: ids.connection, _importId: ids.import }]],
    ['connections.run', [{ _id: ids.connection, _exportId: ids.export, _importId: ids.import, data: [] }]],
    ['connections.run', [{ _id: '../exports', _exportId: ids.export }]],
    ['connections.runVirtual', [{ _id: ids.connection, export: definition, import: definition, data: [] }]],
    ['connections.runVirtual', [{ connection: {}, export: definition }]],
    ['imports.run', [{ _id: ids.import, data: {} }]],
    ['imports.runVirtual', [{ import: {} }]],
    ['flows.run', [{ _id: ids.flow, export: { startDate: 'yesterday' } }]],
    ['state.get', [{ key: 'a' }]],
    ['state.get', ['']],
    ['state.put', ['x'.repeat(257), 1]],
    ['state.find', [{}]],
  ])('%s refuses %j', async (name, values) => {
    expect(await world.answer(name, values)).toMatchObject({ code: 'invalid_argument' });
  });

  it.each<[string, string]>([
    ['exports.run', `{"_id":"${ids.export}","__proto__":{"data":[]}}`],
    ['exports.runVirtual', `{"export":${JSON.stringify(definition)},"__proto__":{"data":[]}}`],
    ['exports.runVirtual', `{"export":{"__proto__":{"type":"webhook"},${JSON.stringify(definition).slice(1)}}`],
    ['connections.run', `{"_id":"${ids.second}","_exportId":"${ids.export}","__proto__":{"_importId":"x"}}`],
    ['request', `{"method":"POST","url":"/v1/exports/${ids.export}/invoke","__proto__":{"body":{"data":[]}}}`],
    [
      'request',
      `{"method":"POST","url":"/v1/exports/${ids.export}/invoke","headers":{"__proto__":{"content-type":"text/plain"}}}`,
    ],
  ])('%s gets nothing from a prototype that they bring: %s', async (name, argument) => {
    const answer = await world.answer(name, [JSON.parse(argument)]);
    if ('code' in answer) return expect(answer).toMatchObject({ code: 'invalid_argument' });
    expect(decodeTryOutTask(world.asked[0]!.payload)).toMatchObject({ kind: 'read' });
    expect(Buffer.from(world.asked[0]!.payload).includes('__proto__')).toBe(false);
  });

  it.each(['exports.create', '__proto__', 'constructor', ''])('there is no function %j', async (name) => {
    expect(await world.answer(name, [])).toMatchObject({ code: 'not_supported' });
  });
});

describe('records for a lookup', () => {
  it.each<[string, object]>([
    ['exports.run', { _id: ids.lookup }],
    ['exports.runVirtual', { export: { ...definition, isLookup: true } }],
    ['connections.run', { _id: ids.second, _exportId: ids.lookup }],
    ['connections.runVirtual', { _id: ids.second, export: { ...definition, isLookup: true } }],
  ])('of %s are looked up one by one', async (name, asked) => {
    world.reply = found;
    const data = [{ sku: 'a' }, { sku: 'b' }];
    expect(await world.given(name, [{ ...asked, data }])).toEqual(found.responses);
    const task = decodeTryOutTask(world.asked[0]!.payload);
    if (task.kind !== 'lookup') throw new Error(task.kind);
    expect(task.records).toEqual(data);
    expect(task.plan).toMatchObject({
      flow: { pageProcessors: [{ type: 'export', _exportId: task.exportId }], _integrationId: ids.integration },
    });
  });

  it.each<[string, string, object, string]>([
    ['an export that is none', 'exports.run', { _id: ids.export }, 'not_a_lookup'],
    ['one that is not stored', 'exports.runVirtual', { export: definition }, 'not_a_lookup'],
    ['a listener', 'exports.runVirtual', { export: { ...definition, type: 'webhook' } }, 'unsupported_export_type'],
    ['what does not exist', 'exports.run', { _id: ids.nothing }, 'resource_not_found'],
  ])('are refused by %s', async (_, name, asked, code) => {
    expect(await world.answer(name, [{ ...asked, data: [{ sku: 'a' }] }])).toMatchObject({ code });
    expect(world.asked).toEqual([]);
  });
});

describe('an export page by page', () => {
  const next = { cursor: { page: 2 }, skip: 1 };
  type Page = { readonly data: unknown[]; readonly pagedExportState: PagedExportState };
  const page = (asked: object, from?: HostCallScope): Promise<Page> =>
    world.given<Page>('exports.runVirtualWithPaging', [{ export: definition, ...asked }], from);

  it('goes on where the state says, in one reading, until it is done', async () => {
    world.reply = { ...read, next };
    const first = await page({});
    expect(first).toMatchObject({ data: [{ id: 1 }], pagedExportState: { pageIndex: 1, done: false } });
    world.reply = read;
    const last = await page({ pagedExportState: first.pagedExportState });
    expect(last.pagedExportState).toMatchObject({ pageIndex: 2, done: true });
    const [begun, goneOn] = world.asked.map(({ payload }) => decodeTryOutTask(payload));
    expect(begun).toMatchObject({ kind: 'read', from: { cursor: null, skip: 0 }, pageIndex: 0, isWhole: false });
    if (begun?.kind !== 'read') throw new Error('It was not read.');
    const { runId, currentExportDateTime } = begun;
    expect(goneOn).toMatchObject({ from: next, pageIndex: 1, runId, currentExportDateTime });
  });

  it('throws when it fails before its end, so that no function goes on for ever', async () => {
    world.reply = { ...read, endedEarly: true, errors: [{ code: '503', message: 'down' }] };
    const answer = await world.answer('exports.runVirtualWithPaging', [{ export: definition, pagedExportState: null }]);
    expect(answer).toEqual({ code: '503', message: 'down' });
  });

  it.each<[string, (state: PagedExportState) => object, Partial<HostCallScope>]>([
    ['another page', (state) => ({ pagedExportState: { ...state, pageIndex: 7 } }), {}],
    ['a cursor of its own', (state) => ({ pagedExportState: { ...state, cursor: `${state.cursor}A` } }), {}],
    ['a signature cut short', (state) => ({ pagedExportState: { ...state, sig: state.sig.slice(0, -2) } }), {}],
    ['a key of another name', (state) => ({ pagedExportState: { ...state, sig: `x${state.sig}` } }), {}],
    ['more time', (state) => ({ pagedExportState: { ...state, issuedAt: '2999-01-01T00:00:00.000Z' } }), {}],
    ['another export', (pagedExportState) => ({ pagedExportState, export: { ...definition, pageSize: 7 } }), {}],
    [
      'another connection',
      (pagedExportState) => ({ pagedExportState, export: { ...definition, _connectionId: ids.second } }),
      {},
    ],
    ['another account', (pagedExportState) => ({ pagedExportState }), { accountId: ids.other }],
  ])('refuses a state with %s', async (_, tamper, changed) => {
    world.store.put(ids.other, 'connections', { _id: ids.connection, name: 'c', type: 'http' });
    world.reply = { ...read, next };
    const { pagedExportState } = await page({});
    const asked = [{ export: definition, ...tamper(pagedExportState) }];
    const answer = await world.answer('exports.runVirtualWithPaging', asked, { ...scope, ...changed });
    expect(answer).toMatchObject({ code: 'invalid_paged_state' });
    expect(world.asked).toHaveLength(1);
  });

  it('refuses the state of one that is done', async () => {
    const { pagedExportState } = await page({});
    const answer = await world.answer('exports.runVirtualWithPaging', [{ export: definition, pagedExportState }]);
    expect(answer).toMatchObject({ code: 'invalid_paged_state' });
  });
});

describe('a step through a connection', () => {
  it('that is stored goes through that one instead of its own, under its own id', async () => {
    await world.given('connections.run', [{ _id: ids.second, _exportId: ids.export }]);
    expect(decodeTryOutTask(world.asked[0]!.payload)).toMatchObject({
      kind: 'read',
      exportId: ids.export,
      plan: { exports: { [ids.export]: { _connectionId: ids.second } }, connections: { [ids.second]: {} } },
    });
  });

  it('that is not stored goes through it, whatever it names itself', async () => {
    world.reply = written;
    const target = { ...definition, adaptorType: 'HTTPImport', http: { method: ['POST'], relativeURI: ['/'] } };
    await world.given('connections.runVirtual', [{ _id: ids.second, import: target, data: [{ a: 1 }] }]);
    const task = decodeTryOutTask(world.asked[0]!.payload);
    if (task.kind !== 'write') throw new Error(task.kind);
    expect(Object.keys(task.plan['connections'] as object)).toEqual([ids.second]);
  });

  it.each<[string, string, object, Partial<HostCallScope>, string]>([
    ['of nothing', ids.nothing, { _exportId: ids.export }, {}, 'resource_not_found'],
    ['of another account', ids.connection, { _exportId: ids.export }, { accountId: ids.other }, 'resource_not_found'],
    ['of another type', ids.database, { _exportId: ids.export }, {}, 'invalid_connection_type'],
    ['of no export', ids.second, { _exportId: ids.import }, {}, 'resource_not_found'],
    [
      'outside of an integration',
      ids.second,
      { _exportId: ids.export },
      { integrationId: null },
      'integration_required',
    ],
  ])('is refused %s', async (_, _id, asked, changed, code) => {
    expect(await world.answer('connections.run', [{ _id, ...asked }], { ...scope, ...changed })).toMatchObject({
      code,
    });
    expect(world.asked).toEqual([]);
  });
});

describe('a request to the API', () => {
  interface Answer {
    readonly statusCode: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: unknown;
  }
  const request = (asked: object, from?: HostCallScope): Promise<Answer> =>
    world.given<Answer>('request', [asked], from);
  const invoke = `/v1/exports/${ids.export}/invoke`;
  const importing = `/v1/imports/${ids.import}/invoke`;
  const through = `/v1/connections/${ids.second}`;

  it.each<[string, object, TryOutReply, object]>([
    ['invokes an export', { url: invoke }, read, { kind: 'read', exportId: ids.export, isWhole: false }],
    ['does so below the base address', { relativeURI: invoke.slice(3) }, read, { kind: 'read' }],
    ['does so with a trailing slash', { relativeURI: `${invoke}/` }, read, { kind: 'read' }],
    ['heeds no query', { relativeURI: `${invoke}?method=DELETE` }, read, { kind: 'read' }],
    [
      'invokes a lookup',
      { relativeURI: `/v1/exports/${ids.lookup}/invoke`, body: { data: [{ a: 1 }] } },
      found,
      { kind: 'lookup', records: [{ a: 1 }] },
    ],
    ['invokes an import', { url: importing, body: [{ a: 1 }] }, written, { kind: 'write', records: [{ a: 1 }] }],
    ['takes JSON as text', { url: importing, body: '{"data":[{"a":1}]}' }, written, { records: [{ a: 1 }] }],
    ['takes methods in small letters', { url: importing, body: [], method: 'post' }, written, { records: [] }],
    ['exports through a connection', { url: `${through}/export`, body: { export: { http } } }, read, { isWhole: true }],
    ['so by pages', { url: `${through}/export/pages`, body: { export: { http } } }, read, { isWhole: false }],
    [
      'imports through a connection',
      { url: `${through}/import`, body: { import: { http: { method: ['POST'], relativeURI: ['/'] } }, data: [] } },
      written,
      { kind: 'write' },
    ],
  ])('%s', async (_, asked, reply, task) => {
    world.reply = reply;
    const { statusCode, headers } = await request({ method: 'POST', ...asked });
    expect({ statusCode, headers }).toEqual({
      statusCode: 200,
      headers: { 'content-type': 'application/json; charset=utf-8' },
    });
    expect(world.asked.map(({ payload }) => decodeTryOutTask(payload))).toMatchObject([task]);
    expect(decodeTryOutHeader(world.asked[0]!.payload)).toMatchObject({ accountId: ids.account });
  });

  it('answers with pages that go on', async () => {
    world.reply = { ...read, next: { cursor: { page: 2 }, skip: 0 } };
    const { body } = await request({ method: 'POST', url: invoke });
    const { pagedExportState } = body as { pagedExportState: PagedExportState };
    await request({ method: 'POST', url: invoke, body: { pagedExportState } });
    expect(decodeTryOutTask(world.asked[1]!.payload)).toMatchObject({ from: { cursor: { page: 2 } }, pageIndex: 1 });
    const tampered = { ...pagedExportState, pageIndex: 0 };
    const refused = await request({ method: 'POST', url: invoke, body: { pagedExportState: tampered } });
    expect(refused).toMatchObject({ statusCode: 422, body: { errors: [{ code: 'invalid_paged_state' }] } });
  });

  it.each<[string, object, number, string]>([
    ['lists', { relativeURI: '/v1/exports' }, 403, 'access_restricted'],
    ['reads', { relativeURI: `/v1/exports/${ids.export}` }, 403, 'access_restricted'],
    ['changes', { relativeURI: `/exports/${ids.export}`, method: 'PUT', body: {} }, 403, 'access_restricted'],
    ['deletes', { relativeURI: invoke, method: 'DELETE' }, 403, 'access_restricted'],
    ['reads what is invoked', { relativeURI: invoke }, 403, 'access_restricted'],
    ['makes tokens', { relativeURI: '/v1/accesstokens', method: 'POST', body: {} }, 403, 'access_restricted'],
    ['runs flows', { relativeURI: `/v1/flows/${ids.flow}/run`, method: 'POST' }, 403, 'access_restricted'],
    ['runs scripts', { relativeURI: '/v1/processors/javascript', method: 'POST' }, 403, 'access_restricted'],
    ['pings', { relativeURI: `${through}/ping` }, 403, 'access_restricted'],
    ['reads the state', { relativeURI: '/v1/state/key' }, 403, 'access_restricted'],
    ['asks who it is', { relativeURI: '/v1/tokenInfo' }, 403, 'access_restricted'],
    ['is lost', { relativeURI: '/v1/nonsense' }, 404, 'resource_not_found'],
    ['names no path', { relativeURI: '/' }, 404, 'resource_not_found'],
    ['leaves the API', { url: '/livez' }, 404, 'resource_not_found'],
    ['climbs', { relativeURI: '/v1/exports/../connections', method: 'POST' }, 404, 'resource_not_found'],
    ['climbs out', { relativeURI: '/../../metrics' }, 404, 'resource_not_found'],
    ['climbs encoded', { relativeURI: `/v1/exports/%2e%2e/invoke`, method: 'POST' }, 404, 'resource_not_found'],
    ['hides a slash', { relativeURI: `/v1/exports%2f${ids.export}/invoke`, method: 'POST' }, 404, 'resource_not_found'],
    [
      'doubles a slash',
      { relativeURI: `/v1//exports/${ids.export}/invoke`, method: 'POST' },
      404,
      'resource_not_found',
    ],
    ['turns a slash', { relativeURI: `/v1\\exports/${ids.export}/invoke`, method: 'POST' }, 404, 'resource_not_found'],
    ['shouts', { relativeURI: invoke.toUpperCase(), method: 'POST' }, 404, 'resource_not_found'],
    ['breaks its line', { relativeURI: `${invoke}\r\nHost: a`, method: 'POST' }, 404, 'resource_not_found'],
    [
      'reaches for prototypes',
      { relativeURI: '/v1/__proto__/constructor/invoke', method: 'POST' },
      404,
      'resource_not_found',
    ],
    [
      'names what is not there',
      { relativeURI: `/exports/${ids.nothing}/invoke`, method: 'POST' },
      404,
      'resource_not_found',
    ],
    ['names no id', { relativeURI: '/exports/constructor/invoke', method: 'POST' }, 404, 'resource_not_found'],
    ['sends no records', { relativeURI: importing, method: 'POST', body: { data: 1 } }, 422, 'invalid_field_value'],
    ['sends half a JSON', { relativeURI: importing, method: 'POST', body: '[{' }, 400, 'invalid_json'],
    ['sends __proto__', { relativeURI: importing, method: 'POST', body: '[{"__proto__":{}}]' }, 400, 'invalid_json'],
    ['sends data to no lookup', { relativeURI: invoke, method: 'POST', body: { data: [] } }, 422, 'not_a_lookup'],
    [
      'sends a form',
      {
        relativeURI: importing,
        method: 'POST',
        body: 'a=1',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      },
      415,
      'unsupported_media_type',
    ],
    [
      'sends an export that is none',
      { relativeURI: `${through}/export`, method: 'POST', body: { export: { type: 'webhook' } } },
      422,
      'unsupported_export_type',
    ],
  ])('that %s is answered as the API would', async (_, asked, statusCode, code) => {
    const answer = await request(asked);
    expect(answer).toMatchObject({ statusCode, body: { errors: [{ code, message: expect.any(String) }] } });
    // Decision 29: 403 carries both members.
    expect('message' in (answer.body as object)).toBe(statusCode === 403);
    expect(world.asked).toEqual([]);
  });

  it('of another account finds nothing', async () => {
    const answer = await request({ method: 'POST', url: invoke }, { ...scope, accountId: ids.other });
    expect(answer).toMatchObject({ statusCode: 404 });
  });

  it.each<[string, object]>([
    ['an address', { url: `https://api.example${invoke}` }],
    ['an address without a scheme', { url: `//api.example${invoke}` }],
    ['an address in relativeURI', { relativeURI: `http://169.254.169.254${invoke}` }],
    ['a scheme', { url: 'file:///etc/passwd' }],
    ['a path that does not begin', { relativeURI: invoke.slice(1) }],
    ['both', { url: invoke, relativeURI: invoke }],
    ['neither', {}],
    ['no object', []],
    ['a member of its own', { url: invoke, agent: {} }],
    ['a method that is none', { url: invoke, method: 'POST /v1/flows HTTP/1.1' }],
    ['a header that breaks the line', { url: invoke, headers: { 'x-a': 'b\r\nauthorization: c' } }],
    ['a name that breaks the line', { url: invoke, headers: { 'x-a\r\nb': 'c' } }],
    ['a header that is none', { url: invoke, headers: { 'x-a': { toString: 1 } } }],
    ['rights of its own', { url: invoke, headers: { Authorization: 'Bearer x' } }],
    ['an account of its own', { url: invoke, headers: { 'Integrator-AShareId': ids.other } }],
  ])('with %s is refused', async (_, asked) => {
    expect(await world.answer('request', [asked])).toMatchObject({ code: 'invalid_argument' });
    expect(world.asked).toEqual([]);
  });

  it('is refused outside of an integration', async () => {
    const answer = await world.answer('request', [{ url: invoke }], { ...scope, integrationId: null });
    expect(answer).toMatchObject({ code: 'integration_required' });
  });
});

describe('a call that starts a flow', () => {
  it('queues one run, offers it, and gives the id of its job', async () => {
    const asked = [{ _id: ids.flow, export: { startDate: '2026-01-01' } }];
    const { json } = (await world.answer('flows.run', asked)) as { json: string };
    const { _jobId } = JSON.parse(json) as { _jobId: string };
    expect(await world.store.jobs.getAny(_jobId)).toMatchObject({
      accountId: ids.account,
      status: 'queued',
      request: { export: { startDate: '2026-01-01T00:00:00.000Z' } },
    });
    expect(world.offered).toEqual(['runs.queued']);
    // One may run, one may wait (decision 5).
    await world.answer('flows.run', asked);
    expect(await world.answer('flows.run', asked)).toMatchObject({ code: 'run_already_queued' });
  });

  it.each<[string, string, Partial<HostCallScope>, string]>([
    ['disabled', ids.disabled, {}, 'inactive_flow'],
    ['not there', ids.nothing, {}, 'resource_not_found'],
    ['of another account', ids.flow, { accountId: ids.other }, 'resource_not_found'],
  ])('is refused when it is %s', async (_, _id, changed, code) => {
    expect(await world.answer('flows.run', [{ _id }], { ...scope, ...changed })).toMatchObject({ code });
  });
});

describe('state', () => {
  it('belongs to the account, in every flow', async () => {
    const alone = { ...scope, integrationId: null };
    expect(await world.answer('state.put', ['a', { b: 1 }], alone)).toEqual({});
    expect(await world.answer('state.get', ['a'])).toEqual({ json: '{"b":1}' });
    expect(await world.answer('state.get', ['a'], { ...scope, accountId: ids.other })).toEqual({});
    expect(await world.answer('state.delete', ['a'])).toEqual({});
    expect(await world.answer('state.get', ['a'])).toEqual({});
  });

  it('takes 256 KB per value and 1,000 keys', async () => {
    const tooLarge = await world.answer('state.put', ['a', 'x'.repeat(256 * 1024)]);
    expect(tooLarge).toMatchObject({ code: 'request_size_exceeded' });
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => world.answer('state.put', [`k${n}`, n])));
    expect(await world.answer('state.put', ['one more', 1])).toMatchObject({ code: 'state_full' });
  });
});
