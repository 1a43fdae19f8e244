import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { FunctionReference } from '#engine';
import type { Connection, Export, Import, JsonValue, StoredStack } from '#model';
import { createStepContext, createTestHost, type TestHost } from '#testing/connector-host';
import { StackServer, type StackModule } from '#testing/stack-server';
import { SourceError, type Cursor, type SourceChunk } from '../ports.js';
import { StackClient } from '../stack/stack-client.js';
import { StackFunctions } from '../stack/stack-functions.js';
import { wrapperAdaptor } from './index.js';

const stackId = '5'.repeat(24);
const credentials = { encrypted: { key: 's3cret' }, unencrypted: { region: 'eu' } };
const connection: Connection & { readonly _id: string } = {
  _id: 'c'.repeat(24),
  name: 'own application',
  type: 'wrapper',
  wrapper: { pingFunction: 'ping', _stackId: stackId, ...credentials },
};

/** What the author of a stack would write. */
const stackModule: StackModule = {
  hooks: {
    addTotal: ({ postMapData }, callback) =>
      callback(
        null,
        (postMapData as { a: number }[]).map((data) => ({ data: { ...data, total: data.a + 1 } })),
      ),
    throwsUp: (_, callback) => callback(Object.assign(new Error('the order is closed'), { code: 'closed_salesorder' })),
    returnsDate: (_, callback) => callback(null, { at: new Date() }),
    isEven: ({ record }, callback) => callback(null, (record as { a: number }).a % 2 === 0),
    isDate: ({ lastExportDateTime }, callback) => callback(null, { isDate: lastExportDateTime instanceof Date }),
    floods: (_, callback) => callback(null, ['x'.repeat(6 * 1024 * 1024)]),
  },
  wrappers: {
    ping: ({ connection: used }, callback) =>
      callback(
        null,
        (used as typeof credentials).encrypted.key === 's3cret'
          ? { statusCode: 200 }
          : { statusCode: 401, errors: [{ code: 'login', message: 'wrong key' }] },
      ),
    threePages: ({ state }, callback) => {
      const page = (state as { page: number } | undefined)?.page ?? 0;
      callback(null, { data: [{ n: page * 2 }, { n: page * 2 + 1 }], lastPage: page === 2, state: { page: page + 1 } });
    },
    forever: (_, callback) => callback(null, { data: [{ n: 1 }], lastPage: false }),
    goesOffline: (_, callback) =>
      callback(null, { connectionOffline: true, errors: [{ code: 'down', message: 'gone' }] }),
    withErrors: (_, callback) =>
      callback(null, { data: [{ n: 1 }], errors: [{ code: 'bad_row', message: 'row 2' }], lastPage: true }),
    noPage: (_, callback) => callback(null, 'page'),
    findFor: ({ data }, callback) => callback(null, { data: [{ for: (data as { id: number }).id }], lastPage: true }),
    write: ({ postMapData }, callback) =>
      callback(
        null,
        (postMapData as { id: number }[]).map(({ id }) => {
          if (id === 2) return { statusCode: 422, errors: [{ code: 'value', message: 'no two' }] };
          if (id === 3) return { statusCode: 401, errors: [{ code: 'login', message: 'expired' }] };
          if (id === 4)
            return { statusCode: 200, id: 'four', errors: [{ code: 'partial', message: 'without a field' }] };
          return id === 5 ? { statusCode: 200, ignored: true } : { statusCode: 200, id };
        }),
      ),
    writeFails: (_, callback) => callback(new Error('cannot write')),
    writeOne: (_, callback) => callback(null, [{ statusCode: 200, id: 'a' }]),
  },
};

let server: StackServer;
let host: TestHost;
let stack: StoredStack;
beforeAll(async () => {
  server = await StackServer.start(stackModule);
  stack = {
    _id: stackId,
    name: 'stack',
    type: 'server',
    server: { hostURI: server.url },
    systemToken: server.systemToken,
  };
});
beforeEach(() => {
  host = createTestHost({ stacks: { find: async (id) => (id === stackId ? stack : null) } });
});
afterEach(() => StackClient.of(host).close());
afterAll(() => server.close());

const context = () => createStepContext(connection);
const exportOf = (name: string, rest: Partial<Export> = {}) => ({
  _id: 'e'.repeat(24),
  name: 'export',
  wrapper: { function: name, configuration: { depth: 3 } },
  ...rest,
});

async function read(name: string, cursor: Cursor | null = null): Promise<SourceChunk[]> {
  const chunks: SourceChunk[] = [];
  for await (const chunk of wrapperAdaptor.createSource(exportOf(name), host).read(cursor, context())) {
    chunks.push(chunk);
  }
  return chunks;
}

describe('functions of a server stack (runtime §16.3)', () => {
  const functions = () => new StackFunctions(host, new AbortController().signal, undefined);
  const named = (name: string): FunctionReference => ({ home: { stackId }, name, instance: 'step/hook' });

  it('get their options and return their value', async () => {
    expect(await functions().call(named('addTotal'), { postMapData: [{ a: 1 }] })).toEqual({
      value: [{ data: { a: 1, total: 2 } }],
    });
    expect(server.calls.at(-1)).toMatchObject({
      diy: true,
      type: 'hook',
      function: 'addTotal',
      maxResponseSize: 5_242_880,
    });
  });

  it('are called for each record where they take one', async () => {
    expect(await functions().callEach(named('isEven'), {}, [{ record: { a: 1 } }, { record: { a: 2 } }])).toEqual([
      { value: false },
      { value: true },
    ]);
  });

  it('get the dates of an export as dates', async () => {
    const options = { lastExportDateTime: '2026-01-01T00:00:00.000Z' };
    expect(await functions().call(named('isDate'), options)).toEqual({ value: { isDate: true } });
  });

  it.each<[string, string]>([
    ['throwsUp', 'closed_salesorder'],
    ['returnsDate', 'invalid_extension_response'],
    ['floods', 'response_size_exceeded'],
    ['unknown', 'invalid_function'],
  ])('%s fails with %s', async (name, code) => {
    expect(await functions().call(named(name), {})).toMatchObject({ failure: { code } });
  });

  it.each<[string, Partial<StoredStack>, string]>([
    ['a token that the server does not know', { systemToken: 'old' }, 'unauthorized'],
    ['an address where nobody listens', { server: { hostURI: 'http://127.0.0.1:1' } }, 'connection_refused'],
    ['an address that is none', { server: { hostURI: 'stack' } }, 'invalid_url'],
    ['a Lambda stack', { type: 'lambda' }, 'not_supported'],
  ])('%s fails the call', async (_, change, code) => {
    const changed = { ...stack, ...change };
    const other = createTestHost({ stacks: { find: async () => changed } });
    const outcome = await new StackFunctions(other, new AbortController().signal, undefined).call(
      named('addTotal'),
      {},
    );
    expect(outcome).toMatchObject({ failure: { code } });
    await StackClient.of(other).close();
  });

  describe('with one-time tokens (resources §1.1)', () => {
    const integrationId = '7'.repeat(24);
    let issued: { readonly for: string | null; isOver: boolean }[];
    let lending: TestHost;
    beforeEach(() => {
      issued = [];
      const issue = (of: string | null) => {
        const one = { for: of, isOver: false };
        issued.push(one);
        return { text: `token ${issued.length}`, end: () => void (one.isOver = true) };
      };
      lending = createTestHost({ stacks: { find: async () => stack }, oneTimeTokens: { issue } });
    });
    afterEach(() => StackClient.of(lending).close());

    it.each(['addTotal', 'throwsUp', 'floods', 'unknown'])(
      'each call of %s has its own, until it is over',
      async (name) => {
        const lent = new StackFunctions(lending, new AbortController().signal, undefined, integrationId);
        await lent.call(named(name), { postMapData: [] });
        await lent.call(named(name), { postMapData: [] });
        expect(server.calls.slice(-2).map(({ options }) => options['bearerToken'])).toEqual(['token 1', 'token 2']);
        const over = { for: integrationId, isOver: true };
        expect(issued).toEqual([over, over]);
      },
    );

    it('a canceled call leaves none behind', async () => {
      const lent = new StackFunctions(lending, AbortSignal.abort(), undefined, integrationId);
      await expect(lent.call(named('addTotal'), {})).rejects.toThrow();
      expect(issued.every(({ isOver }) => isOver)).toBe(true);
    });

    it('wrappers get theirs, and the integration that it is for', async () => {
      const source = wrapperAdaptor.createSource(exportOf('withErrors'), lending);
      const chunks = [];
      for await (const chunk of source.read(null, { ...context(), integrationId })) chunks.push(chunk);
      expect(chunks).toHaveLength(1);
      expect(server.calls.at(-1)?.options).toMatchObject({ bearerToken: 'token 1', _integrationId: integrationId });
      expect(issued).toEqual([{ for: integrationId, isOver: true }]);
    });

    it('a connection that is pinged lends none', async () => {
      await wrapperAdaptor.ping(connection, host, new AbortController().signal);
      expect(server.calls.at(-1)?.options).not.toHaveProperty('bearerToken');
    });
  });

  it('a cancel ends the wait', async () => {
    await expect(
      new StackFunctions(host, AbortSignal.abort(), undefined).call(named('addTotal'), {}),
    ).rejects.toThrow();
  });
});

describe('ping', () => {
  it('says what the function says', async () => {
    const signal = new AbortController().signal;
    expect(await wrapperAdaptor.ping(connection, host, signal)).toEqual({ code: 200 });
    const wrong = { ...connection, wrapper: { ...connection.wrapper!, encrypted: { key: 'x' } } };
    expect(await wrapperAdaptor.ping(wrong, host, signal)).toEqual({
      code: 401,
      errors: [{ code: 'login', message: 'wrong key' }],
    });
  });
});

describe('export', () => {
  it('is called with its state until the last page', async () => {
    const before = server.calls.length;
    const chunks = await read('threePages');
    expect(chunks.map(({ records }) => records)).toEqual([
      [{ n: 0 }, { n: 1 }],
      [{ n: 2 }, { n: 3 }],
      [{ n: 4 }, { n: 5 }],
    ]);
    expect(chunks.at(-1)?.next).toBeNull();
    expect(server.calls.length - before).toBe(3);
    expect(server.calls.at(-1)?.options).toMatchObject({
      connection: { _id: connection._id, ...credentials },
      configuration: { depth: 3 },
      state: { page: 2 },
      _exportId: 'e'.repeat(24),
    });
  });

  it('goes on where a crash left it', async () => {
    const [first] = await read('threePages');
    const rest = await read('threePages', JSON.parse(JSON.stringify(first?.next)) as Cursor);
    expect(rest.flatMap(({ records }) => records)).toEqual([{ n: 2 }, { n: 3 }, { n: 4 }, { n: 5 }]);
  });

  it('stops at the same answer more than five times', async () => {
    const before = server.calls.length;
    await expect(read('forever')).rejects.toMatchObject({ failure: { code: 'endless_paging' } });
    expect(server.calls.length - before).toBe(6);
  });

  it('reports errors beside its data', async () => {
    expect(await read('withErrors')).toMatchObject([
      { records: [{ n: 1 }], failures: [{ code: 'bad_row', message: 'row 2', source: 'application' }] },
    ]);
  });

  it.each<[string, object]>([
    ['goesOffline', { code: 'down', message: 'gone', source: 'connection' }],
    ['noPage', { code: 'invalid_extension_response' }],
  ])('%s ends it', async (name, failure) => {
    const reading = read(name);
    await expect(reading).rejects.toBeInstanceOf(SourceError);
    await expect(reading).rejects.toMatchObject({ failure });
  });

  it('tells a delta export since when', async () => {
    const source = wrapperAdaptor.createSource(
      exportOf('threePages', { type: 'delta', delta: { dateField: 'm' } }),
      host,
    );
    const run = { ...context().run, lastExportDateTime: '2026-01-01T00:00:00.000Z' };
    for await (const _ of source.read(null, { ...context(), run })) break;
    expect(server.calls.at(-1)?.options).toMatchObject({
      type: 'delta',
      delta: { dateField: 'm', lastExecutionTime: Date.parse('2026-01-01T00:00:00.000Z') },
    });
  });

  it('as a lookup gets the record', async () => {
    const lookup = wrapperAdaptor.createLookup(exportOf('findFor'), host);
    const records = [1, 2].map((id, index) => ({ index, record: { id }, mapped: { id } }));
    expect(await lookup.lookup(records, context())).toEqual([
      { statusCode: 200, data: [{ for: 1 }] },
      { statusCode: 200, data: [{ for: 2 }] },
    ]);
  });
});

describe('import', () => {
  const submit = (name: string, mapped: readonly JsonValue[]) => {
    const step: Import & { _id: string } = { _id: 'b'.repeat(24), name: 'import', wrapper: { function: name } };
    const records = mapped.map((value, index) => ({ index, record: { pre: index }, mapped: value }));
    return wrapperAdaptor.createDestination(step, host).submit({ generator: 'g', page: 0 }, records, context());
  };

  it('gets a page at a time and answers for each record', async () => {
    expect(
      await submit(
        'write',
        [1, 2, 3, 4, 5].map((id) => ({ id })),
      ),
    ).toEqual([
      { statusCode: 200, id: '1' },
      { statusCode: 422, failures: [{ code: 'value', message: 'no two', source: 'application' }] },
      { statusCode: 403, failures: [{ code: 'login', message: 'expired', source: 'connection' }] },
      {
        statusCode: 200,
        id: 'four',
        warnings: [{ code: 'partial', message: 'without a field', source: 'application' }],
      },
      { statusCode: 200, ignored: true },
    ]);
    expect(server.calls.at(-1)?.options).toMatchObject({
      preMapData: [0, 1, 2, 3, 4].map((pre) => ({ pre })),
      idempotencyKey: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
  });

  it('fails every record when the function does', async () => {
    expect(await submit('writeFails', [{}, {}])).toMatchObject([
      { statusCode: 422, failures: [{ message: 'cannot write' }] },
      { statusCode: 422, failures: [{ message: 'cannot write' }] },
    ]);
  });

  it('fails the records that an answer leaves out', async () => {
    expect(await submit('writeOne', [{}, {}])).toMatchObject([
      { statusCode: 200 },
      { statusCode: 422, failures: [{ code: 'missing_result' }] },
    ]);
  });
});
