import { beforeEach, describe, expect, it } from '@jest/globals';
import { decodeTryOutHeader, decodeTryOutTask, encodeTryOutReply, type TryOutReply } from '#contracts';
import type { JsonValue } from '#model';
import type { State } from '#store';
import { silentLogger } from '#telemetry';
import { eventually } from '#testing/eventually';
import { FakeStore } from '#testing/fakes/fake-store';
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
      steps: new StepCalls({ documents, dispatcher, clock: systemClock }),
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
  store.put(ids.account, 'exports', { _id: ids.export, ...step });
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
    const responses = [{ statusCode: 200, id: '1' }];
    world.reply = { v: 1, kind: 'write', mapped: [], requests: [], responses, stages: [] };
    const answer = await world.answer('imports.run', [{ _id: ids.import, data: [{ a: 1 }] }]);
    expect(answer).toEqual({ json: JSON.stringify(responses) });
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
      [
        {
          export: {
            _connectionId: ids.connection,
            adaptorType: 'HTTPExport',
            http: { formType: 'http', method: 'GET', relativeURI: '/' },
          },
        },
      ],
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
    ['exports.run', [{ _id: ids.export, data: [] }]],
    ['exports.run', [{ _id: ids.export }, {}]],
    ['exports.run', [{ _id: ids.export, accountId: ids.other }]],
    ['exports.runVirtual', [{ export: [] }]],
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

  it.each(['exports.create', '__proto__', 'constructor', ''])('there is no function %j', async (name) => {
    expect(await world.answer(name, [])).toMatchObject({ code: 'not_supported' });
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
