import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeApp } from '#testing/fake-app';
import { childOf, type JobDocument } from '../support/api.js';
import { Standalone } from '../support/standalone.js';

/** Samples of the documented model, as they are written there, through the REST API and a real application. */

let millrace: Standalone;
let app: FakeApp;
let connectionId: string;
/** what the source hands over */
let source: unknown;
/** how the destination answers a record */
let reply: (record: unknown) => object;
/** what lookups find, by path */
let found: (path: string) => unknown;

beforeAll(async () => {
  [millrace, app] = await Promise.all([Standalone.start(), FakeApp.start()]);
  connectionId = await millrace.api.create('connections', {
    name: 'Application',
    type: 'http',
    http: { formType: 'http', baseURI: app.url, mediaType: 'json' },
  });
  app.answer((request) => {
    if (request.method === 'POST') return { body: reply(request.json) };
    return { body: request.path === '/source' ? source : found(request.path) };
  });
});
afterAll(() => Promise.all([millrace?.stop(), app?.close()]));
beforeEach(() => {
  app.requests.length = 0;
  reply = () => ({ id: 'new' });
  found = () => [];
});

interface Sample {
  readonly records: unknown;
  readonly export?: object;
  readonly import?: object;
  /** `import.http` beyond method and path */
  readonly http?: object;
  readonly processors?: (importId: string) => readonly object[];
}

interface Ran {
  readonly job: JobDocument;
  readonly flowId: string;
  readonly exportId: string;
  readonly importId: string;
  /** bodies that came to the destination, in order */
  readonly sent: readonly unknown[];
}

const get = (relativeURI: string): object => ({ method: 'GET', relativeURI });

async function run(sample: Sample): Promise<Ran> {
  const { api } = millrace;
  source = sample.records;
  const exportId = await api.create('exports', {
    name: 'Source',
    _connectionId: connectionId,
    http: get('/source'),
    ...sample.export,
  });
  const importId = await api.create('imports', {
    name: 'Destination',
    _connectionId: connectionId,
    http: { method: ['POST'], relativeURI: ['/destination'], ...sample.http },
    ...sample.import,
  });
  const flowId = await api.create('flows', {
    name: 'Sample',
    pageGenerators: [{ _exportId: exportId }],
    pageProcessors: sample.processors?.(importId) ?? [{ type: 'import', _importId: importId }],
  });
  const job = await api.finished(await api.run(flowId));
  const sent = app.requests.filter(({ path }) => path === '/destination').map(({ json, body }) => json ?? body);
  return { job, flowId, exportId, importId, sent };
}

const active = (entry: object): object => ({ status: 'Active', ...entry });

describe('Mapper 2.0 (runtime §13)', () => {
  const order = {
    customer: 'ACME',
    orders: [
      { id: 1, items: [{ sku: 'a' }, { sku: 'b' }] },
      { id: 2, items: [{ sku: 'c' }] },
    ],
  };

  it('iterates over arrays in arrays with the composite object', async () => {
    const { sent } = await run({
      records: [order],
      import: {
        mappings: [
          active({
            generate: 'lines',
            dataType: 'objectarray',
            buildArrayHelper: [
              {
                extract: '$.orders[*].items[*]',
                mappings: [
                  active({ generate: 'sku', dataType: 'string', extract: '$.orders.items.sku' }),
                  active({ generate: 'order', dataType: 'number', extract: '$.orders.id' }),
                  active({ generate: 'customer', dataType: 'string', extract: '$.customer' }),
                ],
              },
            ],
          }),
        ],
      },
    });
    expect(sent).toEqual([
      {
        lines: [
          { sku: 'a', order: 1, customer: 'ACME' },
          { sku: 'b', order: 1, customer: 'ACME' },
          { sku: 'c', order: 2, customer: 'ACME' },
        ],
      },
    ]);
  });

  it('takes literals, templates, hard-coded values and settings beside paths', async () => {
    const { sent } = await run({
      records: [{ first: 'Ada', last: 'Byron', active: 'true' }],
      import: {
        settings: { region: 'eu' },
        mappingContext: 'settings',
        mappings: [
          active({ generate: 'name', dataType: 'string', extract: '{{record.first}} {{record.last}}' }),
          active({ generate: 'kind', dataType: 'string', extract: 'person' }),
          active({ generate: 'active', dataType: 'boolean', extract: '$.active' }),
          active({ generate: 'nothing', dataType: 'string', extract: '$.missing', default: 'none' }),
          { generate: 'draft', dataType: 'string', extract: '$.first', status: 'Draft' },
        ],
      },
    });
    expect(sent).toEqual([{ name: 'Ada Byron', kind: 'person', active: true, nothing: 'none' }]);
  });
});

describe('Mapper 1.0 (runtime §12)', () => {
  it('maps fields, hard-coded values, static lookups, dates and lists', async () => {
    const { sent } = await run({
      records: [
        {
          id: 7,
          status: 'open',
          placed: '02/03/2026',
          items: [
            { sku: 'a', n: '1' },
            { sku: 'b', n: '2' },
          ],
        },
      ],
      import: {
        mapping: {
          fields: [
            { extract: 'id', generate: 'order.id', dataType: 'string' },
            { hardCodedValue: 'web', generate: 'order.channel' },
            { extract: 'status', generate: 'state', lookupName: 'states' },
            {
              extract: 'placed',
              generate: 'placed',
              extractDateFormat: 'DD/MM/YYYY',
              generateDateFormat: 'YYYY-MM-DD',
            },
            { extract: '{{id}}-{{status}}', generate: 'label' },
          ],
          lists: [
            {
              generate: 'lines',
              fields: [
                { extract: 'items[*].sku', generate: 'code' },
                { extract: 'items[*].n', generate: 'count', dataType: 'number' },
              ],
            },
          ],
        },
        lookups: [{ name: 'states', map: { open: 'O', closed: 'C' } }],
      },
    });
    expect(sent).toEqual([
      {
        order: { id: '7', channel: 'web' },
        state: 'O',
        placed: '2026-03-02',
        label: '7-open',
        lines: [
          { code: 'a', count: 1 },
          { code: 'b', count: 2 },
        ],
      },
    ]);
  });
});

describe('transforms and filters of an export (runtime §10, §11)', () => {
  it('1.0 has only generated fields; paths may name columns and elements', async () => {
    const { sent } = await run({
      records: [{ a: { b: 1 }, SDF: ['x', 'y'], c: 3, 'Internal ID': 9 }],
      export: {
        transform: {
          type: 'expression',
          expression: {
            version: '1',
            rules: [
              [
                { extract: 'a.b', generate: 'x.y' },
                { extract: 'SDF[0]', generate: 'first' },
                { extract: '[Internal ID]', generate: 'internal' },
              ],
            ],
          },
        },
      },
    });
    expect(sent).toEqual([{ x: { y: 1 }, first: 'x', internal: 9 }]);
  });

  it('compares with types, unless a cast says otherwise', async () => {
    const { sent, job, exportId } = await run({
      records: [{ n: '5' }, { n: 5 }, { n: 6 }, {}],
      export: {
        filter: {
          type: 'expression',
          expression: { version: '1', rules: ['equals', ['number', ['extract', 'n']], 5] },
        },
      },
    });
    expect(sent).toEqual([{ n: '5' }, { n: 5 }]);
    expect(childOf(job, exportId)).toMatchObject({ numSuccess: 2, numIgnore: 2 });
  });
});

describe('grouped records (runtime §7.2)', () => {
  it('are bare arrays: rows in templates, $[*] in mappings', async () => {
    const { sent } = await run({
      records: [
        { order: 1, sku: 'a' },
        { order: 1, sku: 'b' },
        { order: 2, sku: 'c' },
      ],
      export: { groupByFields: ['order'] },
      http: {
        body: ['{"order":{{rows.0.order}},"skus":[{{#each rows}}"{{sku}}"{{#unless @last}},{{/unless}}{{/each}}]}'],
      },
    });
    expect(sent).toEqual([
      { order: 1, skus: ['a', 'b'] },
      { order: 2, skus: ['c'] },
    ]);
  });
});

describe('response mapping (runtime §15)', () => {
  it('copies elements, whole arrays and lists of what a lookup found', async () => {
    const lookupId = await millrace.api.create('exports', {
      name: 'Lookup',
      _connectionId: connectionId,
      isLookup: true,
      http: get('/customers/{{record.id}}'),
    });
    found = (path) => [
      { id: `${path}/1`, name: 'one' },
      { id: `${path}/2`, name: 'two' },
    ];
    const { sent } = await run({
      records: [{ id: 7 }],
      processors: (importId) => [
        {
          type: 'export',
          _exportId: lookupId,
          responseMapping: {
            fields: [
              { extract: 'data[0].name', generate: 'first' },
              { extract: 'data.1.name', generate: 'second' },
              { extract: 'data[*].name', generate: 'nothing' },
            ],
            lists: [{ generate: 'found', fields: [{ extract: 'data[*].id', generate: 'key' }] }],
          },
        },
        { type: 'import', _importId: importId },
      ],
    });
    expect(sent).toEqual([
      { id: 7, first: 'one', second: 'two', found: [{ key: '/customers/7/1' }, { key: '/customers/7/2' }] },
    ]);
  });

  it('copies ids and answers of an import to the next one', async () => {
    const secondId = await millrace.api.create('imports', {
      name: 'Second',
      _connectionId: connectionId,
      http: { method: ['POST'], relativeURI: ['/second'] },
    });
    reply = () => ({ id: 42, tags: ['x'] });
    await run({
      records: [{ a: 1 }],
      processors: (importId) => [
        {
          type: 'import',
          _importId: importId,
          responseMapping: {
            fields: [
              { extract: 'id', generate: 'newId' },
              { extract: '_json.tags', generate: 'tags' },
            ],
          },
        },
        { type: 'import', _importId: secondId },
      ],
    });
    expect(app.requests.at(-1)).toMatchObject({ path: '/second', json: { a: 1, newId: '42', tags: ['x'] } });
  });
});

describe('one-to-many (runtime §9.1)', () => {
  it('sends each child with its parent beside it', async () => {
    const { sent } = await run({
      records: [{ id: 1, lines: [{ n: 1 }, { n: 2 }] }],
      import: { oneToMany: true, pathToMany: 'lines' },
      http: { body: ['{"n":{{record.n}},"of":{{record._PARENT.id}} }'] },
    });
    expect(sent).toEqual(
      expect.arrayContaining([
        { n: 1, of: 1 },
        { n: 2, of: 1 },
      ]),
    );
    expect(sent).toHaveLength(2);
  });

  it('one child failing: an error to retry for the child, a warning for the parent (errors §4, §15)', async () => {
    reply = (record) => ((record as { n: number }).n === 2 ? { bad: 'no' } : { good: 1 });
    const { job, flowId, importId } = await run({
      records: [{ id: 1, lines: [{ n: 1 }, { n: 2 }] }],
      import: { oneToMany: true, pathToMany: 'lines' },
      http: { body: ['{"n":{{record.n}} }'], response: { successPath: ['good'] } },
    });
    expect(childOf(job, importId)).toMatchObject({ numSuccess: 1, numError: 1, numIgnore: 0 });
    const errors = await millrace.api.errors(flowId, importId);
    expect(errors).toHaveLength(2);
    const parent = errors.find(({ code }) => code === 'oneToMany_error');
    const child = errors.find(({ code }) => code !== 'oneToMany_error');
    expect(parent).toMatchObject({ warning: true, message: expect.stringContaining('1 of 2 children failed: [1] ') });
    expect(parent).not.toHaveProperty('retryDataKey');
    expect(child).toHaveProperty('retryDataKey');
  });

  it('copies objects that copySource names, and maps the others (runtime §13)', async () => {
    const mapping = (generate: string, copySource: string) => ({
      generate,
      dataType: 'objectarray',
      status: 'Active',
      buildArrayHelper: [
        {
          extract: '$.lines[*]',
          copySource,
          mappings: [{ generate: 'm', dataType: 'number', status: 'Active', extract: '$.lines.n' }],
        },
      ],
    });
    const { sent } = await run({
      records: [{ lines: [{ n: 1, x: 2 }] }],
      import: { mappings: [mapping('copied', 'yes'), mapping('mapped', 'no')] },
    });
    expect(sent).toEqual([{ copied: [{ n: 1, x: 2 }], mapped: [{ m: 1 }] }]);
  });
});

describe('hook scripts as vendors publish them (runtime §16.1, §16.2)', () => {
  const content = `
/*
 * preSavePageFunction stub: the page, its errors and the data of their retries.
 */
import { request } from 'integrator-api';
import dayjs from 'dayjs';

let options = {
  data: [{ id: 1, amount: '10' }],
  errors: [],
  pageIndex: 0,
  settings: {}
};

let totals = 0;

function preSavePage (options) {
  options.data.forEach(function (record) {
    record.amount = Number(record.amount);
    totals += record.amount;
    record.runningTotal = totals;
    record.day = dayjs('2026-02-03').format('DD MMM YYYY');
  });
  console.log('page ' + options.pageIndex + ' has ' + options.data.length + ' records');
  return {
    data: options.data,
    errors: options.errors,
    abort: false,
    newErrorsAndRetryData: []
  };
}

function preMap (options) {
  return options.data.map(function (d) {
    return { data: d };
  });
}

preSavePage(options);
`;

  it('load with their top-level samples, and keep their variables from page to page', async () => {
    const _scriptId = await millrace.api.create('scripts', { name: 'Stub', content });
    const { sent, job } = await run({
      records: [
        { id: 1, amount: '1' },
        { id: 2, amount: '2' },
        { id: 3, amount: '3' },
      ],
      export: { pageSize: 2, hooks: { preSavePage: { _scriptId, function: 'preSavePage' } } },
      import: { hooks: { preMap: { _scriptId, function: 'preMap' } } },
    });
    expect(job).toMatchObject({ status: 'completed', numSuccess: 3 });
    // The top-level call added its sample's ten first.
    expect(sent).toEqual(
      expect.arrayContaining([
        { id: 1, amount: 1, runningTotal: 11, day: '03 Feb 2026' },
        { id: 2, amount: 2, runningTotal: 13, day: '03 Feb 2026' },
        { id: 3, amount: 3, runningTotal: 16, day: '03 Feb 2026' },
      ]),
    );
  });

  it('see decision 24 through: data with errors goes on, and the error is logged', async () => {
    const _scriptId = await millrace.api.create('scripts', {
      name: 'Warns',
      content: `function preMap(options) {
        return options.data.map((data) => ({ data, errors: [{ code: 'odd', message: 'look at it' }] }));
      }`,
    });
    const { sent, job } = await run({
      records: [{ id: 1 }],
      import: { hooks: { preMap: { _scriptId, function: 'preMap' } } },
    });
    expect(sent).toEqual([{ id: 1 }]);
    expect(job).toMatchObject({ status: 'completed', numSuccess: 1, numError: 0 });
  });
});

describe('schedules as the interface writes them (runtime §19)', () => {
  it.each([
    '? 0 2 ? * *',
    '? 5 0,4,8,12,16,20 ? * *',
    '? 0,15,30,45 * ? * *',
    '? 5 9 ? * 1,2,3,4,5',
    '? 10-59/30 * ? * *',
  ])('%s is accepted', async (schedule) => {
    const flowId = await millrace.api.create('flows', { name: 'Scheduled', disabled: true, schedule });
    expect(await millrace.api.call('GET', `/v1/flows/${flowId}`)).toMatchObject({ schedule });
  });
});
