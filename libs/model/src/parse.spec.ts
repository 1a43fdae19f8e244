import { describe, expect, it } from '@jest/globals';
import { parseResource } from './parse.js';
import { type ResourceTypeName, resourceTypes } from './resource-type.js';
import type { CheckContext } from './rules/rule.js';

const id = (n: number) => n.toString(16).padStart(24, '0');
const nowMs = Date.parse('2026-06-01T00:00:00.000Z');

function parse(type: ResourceTypeName, body: unknown, context: Partial<CheckContext> = {}) {
  return parseResource(resourceTypes[type], body, { mode: 'create', nowMs, ...context });
}
function document(type: ResourceTypeName, body: unknown, context: Partial<CheckContext> = {}) {
  const parsed = parse(type, body, context);
  if ('issues' in parsed) throw new Error(JSON.stringify(parsed.issues));
  return parsed.document;
}
/** `code field` of every problem */
function problems(type: ResourceTypeName, body: unknown, context: Partial<CheckContext> = {}) {
  const parsed = parse(type, body, context);
  return 'issues' in parsed ? parsed.issues.map((issue) => `${issue.code} ${issue.field ?? ''}`.trim()) : [];
}

const http = { name: 'Shop', type: 'http', http: { baseURI: 'https://shop.example', mediaType: 'json' } };
const httpExport = { name: 'Orders', _connectionId: id(1), http: { method: 'GET', relativeURI: '/orders' } };
const httpImport = { name: 'Order', _connectionId: id(1), http: { method: ['POST'], relativeURI: ['/orders'] } };

describe('every document', () => {
  it('loses unknown and server-owned fields, silently', () => {
    expect(
      document('integrations', { name: 'A', _id: id(9), createdAt: 'x', nonsense: 1, _connectorId: id(3) }),
    ).toEqual({
      name: 'A',
    });
  });

  it('loses nulls that mean "absent" and keeps nulls that are values', () => {
    expect(document('flows', { name: 'F', description: null, schedule: null, pageGenerators: null })).toEqual({
      name: 'F',
      schedule: null,
      autoResolveMatchingTraceKeys: true,
    });
    const mappings = [{ generate: 'a', dataType: 'string', status: 'Active', extract: null, default: null }];
    expect(document('imports', { ...httpImport, mappings })['mappings']).toEqual([
      { generate: 'a', dataType: 'string', status: 'Active', default: null },
    ]);
  });

  it('reports all problems together', () => {
    expect(problems('exports', { pageSize: 1.5, http: { method: 'FETCH', maxRedirects: 11 } })).toEqual([
      'missing_required_field _connectionId',
      'missing_required_field name',
      'invalid_field_value pageSize',
      'enum http.method',
      'max http.maxRedirects',
    ]);
  });

  it.each([[null], [[]], ['text'], [3]])('must be an object, not %j', (body) => {
    expect(problems('flows', body)).toEqual(['invalid_request']);
  });

  it.each<[ResourceTypeName, number, Record<string, unknown>]>([
    ['integrations', 100, {}],
    ['connections', 100, http],
    ['exports', 100, httpExport],
    ['imports', 100, httpImport],
    ['flows', 150, {}],
    ['scripts', 100, {}],
    ['accesstokens', 100, {}],
  ])('%s: a name of at most %d characters is required', (type, cap, rest) => {
    expect(problems(type, { ...rest, name: 'ü'.repeat(cap) })).toEqual([]);
    expect(problems(type, { ...rest, name: 'x'.repeat(cap + 1) })).toEqual(['invalid_field_value name']);
    expect(problems(type, { ...rest, name: '' })).toEqual(['missing_required_field name']);
    expect(problems(type, { ...rest, name: undefined })).toEqual(['missing_required_field name']);
  });

  it('may lose its name on update only where it is documented', () => {
    const update = { mode: 'replace' } as const;
    expect(problems('flows', { name: '' }, update)).toEqual([]);
    expect(problems('imports', { ...httpImport, name: '' }, update)).toEqual([]);
    expect(problems('exports', { ...httpExport, name: '' }, update)).toEqual(['missing_required_field name']);
  });

  it('answers 400 for a malformed reference', () => {
    const parsed = parse('exports', { ...httpExport, _connectionId: 'abc' });
    expect(parsed).toEqual({
      issues: [{ code: 'invalid_ref', message: expect.any(String), field: '_connectionId', status: 400 }],
    });
  });

  it('survives hostile keys', () => {
    const body: unknown = JSON.parse(
      '{"name":"A","settings":{"__proto__":{"x":1},"y":2},"__proto__":{"polluted":true}}',
    );
    const parsed = document('integrations', body);
    expect(parsed).toEqual({ name: 'A', settings: { y: 2 } });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('connections', () => {
  it.each(['netsuite', 'salesforce', 'ftp', 's3', 'mongodb', 'as2', 'mcp', 'dynamodb', 'jdbc', 'van', 'rest'])(
    'of type %s are refused by name',
    (type) => expect(problems('connections', { name: 'A', type })).toEqual(['unsupported_type type']),
  );

  it.each<[string, unknown, string[]]>([
    ['an unknown type', { name: 'A', type: 'carrier-pigeon' }, ['enum type']],
    ['no type', { name: 'A' }, ['missing_required_field type']],
    ['http without its object', { name: 'A', type: 'http' }, ['missing_required_field http']],
    [
      'http without its required fields',
      { name: 'A', type: 'http', http: {} },
      ['missing_required_field http.baseURI', 'missing_required_field http.mediaType'],
    ],
    [
      'a relative base address',
      { ...http, http: { ...http.http, baseURI: 'shop.example' } },
      ['invalid_field_value http.baseURI'],
    ],
    ['no concurrency', { ...http, http: { ...http.http, concurrencyLevel: 0 } }, ['min http.concurrencyLevel']],
    [
      'half a request at a time',
      { ...http, http: { ...http.http, concurrencyLevel: 1.5 } },
      ['invalid_field_value http.concurrencyLevel'],
    ],
    [
      'another database',
      { name: 'A', type: 'rdbms', rdbms: { type: 'oracle', host: 'h', database: 'd', user: 'u' } },
      ['unsupported_type rdbms.type'],
    ],
    [
      'a pfx and a key',
      { ...http, http: { ...http.http, clientCertificates: { pfx: 'x', key: 'y' } } },
      ['invalid_field http.clientCertificates.pfx'],
    ],
  ])('%s', (_, body, expected) => expect(problems('connections', body)).toEqual(expected));

  it('clamp a concurrency above the cap', () => {
    expect(document('connections', { ...http, http: { ...http.http, concurrencyLevel: 400 } })).toMatchObject({
      http: { concurrencyLevel: 50 },
    });
  });

  it('take templates in the base address', () => {
    const baseURI = 'https://{{{connection.settings.subdomain}}}.example.com';
    expect(problems('connections', { ...http, http: { ...http.http, baseURI } })).toEqual([]);
  });
});

describe('exports', () => {
  it.each([
    [{ http: {} }, undefined, 'HTTPExport'],
    [{ rdbms: { query: 'select 1' } }, undefined, 'RDBMSExport'],
    [{ filesystem: { directoryPath: '/in' }, file: { type: 'csv' } }, undefined, 'FileSystemExport'],
    [{}, 'http', 'HTTPExport'],
  ])('infer their adaptor type from %j and connection type %s', (parts, connectionType, adaptorType) => {
    const parsed = document('exports', { name: 'A', _connectionId: id(1), ...parts }, { connectionType });
    expect(parsed['adaptorType']).toBe(adaptorType);
  });

  it('get no default that is not stamped by the server (decision 33)', () => {
    expect(document('exports', httpExport)).toEqual({ ...httpExport, adaptorType: 'HTTPExport' });
  });

  it.each<[string, Record<string, unknown>, string[]]>([
    ['an adaptor out of scope', { adaptorType: 'SalesforceExport' }, ['unsupported_type adaptorType']],
    ['a part of an adaptor out of scope', { http: undefined, ftp: {} }, ['unsupported_type ftp']],
    ['wrong case', { adaptorType: 'httpExport' }, ['enum adaptorType']],
    ['a listener', { type: 'webhook', http: undefined, webhook: {} }, ['unsupported_export_type type']],
    ['a stream of an adaptor that has none', { type: 'stream' }, ['unsupported_export_type type']],
    ['an unknown mode', { type: 'sometimes' }, ['enum type']],
    ['delta without its object', { type: 'delta' }, ['missing_required_field delta']],
    ['test without its object', { type: 'test' }, ['missing_required_field test']],
    ['once without its object', { type: 'once' }, ['missing_required_field http.once']],
    ['once with a field only', { type: 'once', once: { booleanField: 'done' } }, ['missing_required_field http.once']],
    ['once without an address', { type: 'once', http: { once: {} } }, ['missing_required_field http.once.relativeURI']],
    ['a test of none', { type: 'test', test: { limit: 0 } }, ['min test.limit']],
    ['a test of too many', { type: 'test', test: { limit: 101 } }, ['max test.limit']],
    ['a date field', { type: 'delta', delta: { dateField: 'd' } }, ['invalid_field delta.dateField']],
    ['token paging', { http: { paging: { method: 'token' } } }, ['missing_required_field http.paging.path']],
    ['url paging', { http: { paging: { method: 'url' } } }, ['missing_required_field http.paging.path']],
    ['uri paging', { http: { paging: { method: 'relativeuri' } } }, ['missing_required_field http.paging.relativeURI']],
    ['body paging', { http: { paging: { method: 'body' } } }, ['missing_required_field http.paging.body']],
    ['unknown paging', { http: { paging: { method: 'nextpageurl' } } }, ['enum http.paging.method']],
    ['mappings of a generator', { mappings: [{ status: 'Active', dataType: 'string' }] }, ['not_supported mappings']],
    ['a file hook', { hooks: { preParse: { function: 'f' } } }, ['invalid_hook hooks.preParse']],
    ['a mock of another shape', { mockOutput: [{ a: 1 }] }, ['invalid_field_value mockOutput']],
    ['a long debug window', { debugUntil: '2026-06-01T02:00:00.000Z' }, ['invalid_field_value debugUntil']],
    ['an EDI profile', { _ediProfileId: id(4) }, ['not_supported _ediProfileId']],
  ])('%s', (_, change, expected) => {
    const { http, ...rest } = { ...httpExport, ...change } as Record<string, unknown>;
    expect(problems('exports', http === undefined ? rest : { ...rest, http })).toEqual(expected);
  });

  it('need a connection of their type', () => {
    expect(problems('exports', httpExport, { connectionType: 'rdbms' })).toEqual([
      'invalid_connection_type _connectionId',
    ]);
  });
});

describe('imports', () => {
  it('turn bare values of positional fields into arrays', () => {
    const sent = { ...httpImport, http: { method: 'POST', relativeURI: '/orders', body: '{}', requestType: 'CREATE' } };
    expect(document('imports', sent)['http']).toEqual({
      method: ['POST'],
      relativeURI: ['/orders'],
      body: ['{}'],
      requestType: ['CREATE'],
    });
  });

  it.each(['lookups', 'http.lookups'])('return lookups in both places when sent as %s (decision 22)', (place) => {
    const lookups = [{ name: 'status', map: { a: 'b' } }];
    const sent =
      place === 'lookups' ? { ...httpImport, lookups } : { ...httpImport, http: { ...httpImport.http, lookups } };
    expect(document('imports', sent)).toMatchObject({ lookups, http: { lookups } });
  });

  it.each<[string, Record<string, unknown>, string[]]>([
    ['an adaptor out of scope', { adaptorType: 'NetSuiteDistributedImport' }, ['unsupported_type adaptorType']],
    ['a method that is none', { http: { method: ['HEAD'] } }, ['enum http.method[0]']],
    ['an aggregate hook without files', { hooks: { postAggregate: {} } }, ['invalid_hook hooks.postAggregate']],
    ['a trace key without children', { traceKeyTemplate: '{{id}}' }, ['cannot_set_traceKeyTemplate traceKeyTemplate']],
    ['a mock response of another shape', { mockResponse: { id: 1 } }, ['invalid_field_value mockResponse']],
    [
      'skipping and choosing at once',
      { ignoreExisting: true, http: { ...httpImport.http, existingLookupName: 'l' } },
      ['invalid_field http.existingLookupName'],
    ],
    ['an empty lookup default', { lookups: [{ name: 'l', default: '' }] }, ['invalid_field lookups[0].default']],
    [
      'a mapping without status',
      { mappings: [{ generate: 'a', dataType: 'string' }] },
      ['status_field_absent mappings[0].status'],
    ],
    [
      'a status in the wrong case',
      { mappings: [{ generate: 'a', dataType: 'string', status: 'active' }] },
      ['invalid_status_enums mappings[0].status'],
    ],
    [
      'a nested mapping without a data type',
      {
        mappings: [
          { generate: 'a', dataType: 'object', status: 'Active', mappings: [{ generate: 'b', status: 'Active' }] },
        ],
      },
      ['missing_required_field mappings[0].mappings[0].dataType'],
    ],
    [
      'a source that is copied from nowhere',
      { mappings: [{ generate: 'a', dataType: 'object', status: 'Active', copySource: 'yes' }] },
      ['missing_required_field mappings[0].extract'],
    ],
    [
      'a copied source of something else than objects',
      {
        mappings: [
          { generate: 'a', dataType: 'string', status: 'Active', extract: '$.a', copySource: true },
          {
            generate: 'b',
            dataType: 'stringarray',
            status: 'Active',
            buildArrayHelper: [{ extract: '$.b', copySource: 'yes' }],
          },
          {
            generate: 'c',
            dataType: 'objectarray',
            status: 'Active',
            extract: '$.c',
            copySource: 'yes',
            buildArrayHelper: [{ extract: '$.c', copySource: 'no' }],
          },
        ],
      },
      [
        'invalid_field mappings[0].copySource',
        'invalid_field mappings[1].buildArrayHelper[0].copySource',
        'invalid_field mappings[2].copySource',
      ],
    ],
    [
      'a copySource that is neither yes nor no',
      { mappings: [{ generate: 'a', dataType: 'object', status: 'Active', extract: '$.a', copySource: 'YES' }] },
      ['enum mappings[0].copySource'],
    ],
    [
      'a composite with one method',
      { http: { method: ['PUT'], requestType: ['UPDATE', 'CREATE'] } },
      ['invalid_field_value http.method'],
    ],
  ])('%s', (_, change, expected) => expect(problems('imports', { ...httpImport, ...change })).toEqual(expected));

  it('do not validate drafts of mappings', () => {
    const mappings = [{ generate: 'a', status: 'Draft', mappings: [{ generate: 'b' }] }];
    expect(problems('imports', { ...httpImport, mappings })).toEqual([]);
  });

  it('of files and databases need their objects', () => {
    expect(problems('imports', { name: 'A', _connectionId: id(1), adaptorType: 'FileSystemImport' })).toEqual([
      'missing_required_field filesystem',
      'missing_required_field file',
    ]);
    expect(problems('imports', { name: 'A', _connectionId: id(1), rdbms: { query: 'insert' } })).toEqual([
      'missing_required_field rdbms.queryType',
      'invalid_field_value rdbms.query',
    ]);
  });
});

describe('flows', () => {
  const processor = { type: 'import', _importId: id(2) };
  const router = (change: object = {}) => ({
    id: 'r1',
    branches: [{ name: 'all', nextRouterId: undefined }],
    ...change,
  });

  it('may be nothing but a name', () => {
    expect(document('flows', { name: 'F' })).toEqual({ name: 'F', autoResolveMatchingTraceKeys: true });
  });

  it('keep autoResolveMatchingTraceKeys when it is sent', () => {
    expect(document('flows', { name: 'F', autoResolveMatchingTraceKeys: false })).toMatchObject({
      autoResolveMatchingTraceKeys: false,
    });
  });

  it.each<[string, Record<string, unknown>, string[]]>([
    ['steps and routers', { pageProcessors: [processor], routers: [router()] }, ['invalid_field routers']],
    ['a generator without export', { pageGenerators: [{}] }, ['missing_required_field pageGenerators[0]._exportId']],
    [
      'a step of no type',
      { pageProcessors: [{ _importId: id(2) }] },
      ['missing_required_field pageProcessors[0].type'],
    ],
    [
      'a step without import',
      { pageProcessors: [{ type: 'import', _exportId: id(2) }] },
      ['missing_required_field pageProcessors[0]._importId'],
    ],
    ['a router without id', { routers: [router({ id: undefined })] }, ['missing_required_field routers[0].id']],
    ['two routers of one id', { routers: [router(), router()] }, ['invalid_field_value routers[1].id']],
    [
      'a branch to nowhere',
      { routers: [router({ branches: [{ name: 'b', nextRouterId: 'r9' }] })] },
      ['invalid_field_value routers[0].branches[0].nextRouterId'],
    ],
    [
      'a branch to itself',
      { routers: [router({ branches: [{ name: 'b', nextRouterId: 'r1' }] })] },
      ['invalid_flow routers'],
    ],
    [
      'a way back over another router',
      {
        routers: [
          router({ branches: [{ name: 'b', nextRouterId: 'r2' }] }),
          router({ id: 'r2', branches: [{ name: 'c', nextRouterId: 'r1' }] }),
        ],
      },
      ['invalid_flow routers'],
    ],
    [
      'more copies of a record than anybody can want: ten routers that copy twice each',
      {
        routers: Array.from({ length: 10 }, (_, i) =>
          router({
            id: `r${i}`,
            routeRecordsTo: 'all_matching_branches',
            branches: ['a', 'b'].map((name) => ({ name, ...(i < 9 ? { nextRouterId: `r${i + 1}` } : {}) })),
          }),
        ),
      },
      ['invalid_flow routers'],
    ],
    [
      'more branches than are counted',
      { routers: [router({ branches: Array.from({ length: 1_001 }, (_, i) => ({ name: `b${i}` })) })] },
      ['invalid_flow routers'],
    ],
    [
      'a branch without name',
      { routers: [router({ branches: [{}] })] },
      ['missing_required_field routers[0].branches[0].name'],
    ],
    ['free text as schedule', { schedule: 'every day' }, ['invalid_field schedule']],
    ['a schedule of seconds', { schedule: '* * * ? * *', disabled: true }, ['schedule_not_supported schedule']],
    [
      'a generator with no schedule',
      { pageGenerators: [{ _exportId: id(1), schedule: '? 99 * ? * *' }] },
      ['invalid_value pageGenerators[0].schedule'],
    ],
    ['an unknown time zone', { timezone: 'Mars/Olympus' }, ['invalid_field_value timezone']],
    [
      'a response mapping whose fields are wrapped',
      { pageProcessors: [{ ...processor, responseMapping: { fields: { fields: [] } } }] },
      ['invalid_field_value pageProcessors[0].responseMapping.fields'],
    ],
    [
      'a response mapping that is wrapped itself',
      { pageProcessors: [{ ...processor, responseMapping: { responseMapping: { fields: [] } } }] },
      ['invalid_field pageProcessors[0].responseMapping.responseMapping'],
    ],
    [
      'a response mapping list whose fields are wrapped',
      { pageProcessors: [{ ...processor, responseMapping: { lists: [{ generate: 'a', fields: {} }] } }] },
      ['invalid_field_value pageProcessors[0].responseMapping.lists[0].fields'],
    ],
  ])('%s', (_, change, expected) => expect(problems('flows', { name: 'F', ...change })).toEqual(expected));

  it('get branch ids and processors from the server, and keep those they have', () => {
    const branches = [{ name: 'a' }, { name: 'b', branchId: 'mine', pageProcessors: [processor] }];
    expect(document('flows', { name: 'F', routers: [{ id: 'r1', branches }] })).toMatchObject({
      routers: [
        {
          branches: [
            { name: 'a', branchId: expect.stringMatching(/^[0-9a-f]{24}$/), pageProcessors: [] },
            { name: 'b', branchId: 'mine', pageProcessors: [processor] },
          ],
        },
      ],
    });
  });

  it('reset an omitted response mapping on PUT', () => {
    const body = { name: 'F', pageProcessors: [processor] };
    expect(document('flows', body)).toMatchObject({ pageProcessors: [processor] });
    expect(document('flows', body, { mode: 'replace' })).toMatchObject({
      pageProcessors: [{ ...processor, responseMapping: { fields: [], lists: [] } }],
    });
  });

  it('drop hooks that do not belong to steps', () => {
    const hooks = { preMap: { function: 'f' }, postResponseMap: { function: 'g', _scriptId: id(5) } };
    expect(document('flows', { name: 'F', pageProcessors: [{ ...processor, hooks }] })).toMatchObject({
      pageProcessors: [{ hooks: { postResponseMap: { function: 'g', _scriptId: id(5) } } }],
    });
  });

  it('may copy a record up to a thousand times, and choose among branches as often as they like', () => {
    const chain = (length: number, mode: string) =>
      Array.from({ length }, (_, i) =>
        router({
          id: `r${i}`,
          routeRecordsTo: mode,
          branches: ['a', 'b'].map((name) => ({ name, ...(i < length - 1 ? { nextRouterId: `r${i + 1}` } : {}) })),
        }),
      );
    expect(problems('flows', { name: 'F', routers: chain(9, 'all_matching_branches') })).toEqual([]);
    expect(problems('flows', { name: 'F', routers: chain(400, 'first_matching_branch') })).toEqual([]);
  });

  it('keep routers that no branch leads to', () => {
    expect(problems('flows', { name: 'F', routers: [router(), router({ id: 'r2' })] })).toEqual([]);
  });

  it('merge in a router that several branches name', () => {
    const branches = [
      { name: 'a', nextRouterId: 'r2' },
      { name: 'b', nextRouterId: 'r2' },
    ];
    expect(problems('flows', { name: 'F', routers: [router({ branches }), router({ id: 'r2' })] })).toEqual([]);
  });
});

describe('scripts', () => {
  it('start empty', () => expect(document('scripts', { name: 'S' })).toEqual({ name: 'S', content: '' }));
});

describe('access tokens', () => {
  it.each<[string, Record<string, unknown>, string[]]>([
    ['full access', { fullAccess: true }, []],
    ['scopes', { _exportIds: [id(1)] }, []],
    ['both', { fullAccess: true, _exportIds: [id(1)] }, ['invalid_field _exportIds']],
    ['30 days', { autoPurgeAt: '2026-07-01T00:00:00.000Z' }, []],
    ['31 days', { autoPurgeAt: '2026-07-02T00:00:00.000Z' }, ['invalid_field_value autoPurgeAt']],
    ['60 days, personal', { tokenType: 'ashare', autoPurgeAt: '2026-07-31T00:00:00.000Z' }, []],
    ['the past', { autoPurgeAt: '2026-05-01T00:00:00.000Z' }, ['invalid_field_value autoPurgeAt']],
    ['no token of the client', { token: 'mine', fullAccess: true }, []],
  ])('%s', (_, change, expected) => expect(problems('accesstokens', { name: 'T', ...change })).toEqual(expected));

  it('never take the token from the client', () => {
    expect(document('accesstokens', { name: 'T', fullAccess: true, token: 'mine' })).toEqual({
      name: 'T',
      fullAccess: true,
    });
  });
});
