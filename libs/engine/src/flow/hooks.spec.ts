import { describe, expect, it } from '@jest/globals';
import type { Failure } from '#failures';
import type { Export, Import, JsonRecord, JsonValue, PageProcessor } from '#model';
import type { ImportOutcome, LookupOutcome, PageRun, PreparedRecord, ShapedPage } from '../program.js';
import { runContext } from '../testing/contexts.js';
import { compiled, FakeEffects, first, generator, lookupId } from '../testing/flows.js';
import { LocalFunctions, type LocalFunction } from '../testing/local-functions.js';
import { aggregationsOf } from './post-aggregate.js';
import { runPage } from './run-page.js';

const script = '5'.repeat(24);
const hook = (name: string) => ({ _scriptId: script, function: name });
const scripts = (onChildren = false) => ({
  [script]: { content: '', postResponseHookToProcessOnChildRecord: onChildren },
});

interface Given {
  readonly functions: Readonly<Record<string, LocalFunction>>;
  readonly records?: readonly JsonValue[];
  readonly target?: Partial<Import>;
  readonly lookup?: Partial<Export>;
  readonly processor?: Partial<PageProcessor>;
  readonly submit?: (record: PreparedRecord) => ImportOutcome;
  readonly found?: (record: PreparedRecord) => LookupOutcome;
  readonly onChildren?: boolean;
}

interface Ran extends PageRun {
  /** as the destination got them */
  readonly sent: readonly JsonValue[];
  /** as they go on from the step */
  readonly onward: readonly JsonValue[];
  readonly functions: LocalFunctions;
}

const people = [{ id: 1 }, { id: 2 }, { id: 3 }];

/** Runs a page through one import, or lookup where one is given, with a second import behind it that shows what goes on. */
async function ran(given: Given): Promise<Ran> {
  const functions = new LocalFunctions(given.functions);
  const sink = '7'.repeat(24);
  const step: PageProcessor =
    given.lookup === undefined ? { type: 'import', _importId: first } : { type: 'export', _exportId: lookupId };
  const flow = compiled({
    processors: [
      { ...step, ...given.processor },
      { type: 'import', _importId: sink },
    ],
    imports: { [first]: given.target ?? {}, [sink]: {} },
    ...(given.lookup === undefined ? {} : { lookup: given.lookup }),
    scripts: scripts(given.onChildren),
  });
  const effects = new FakeEffects(
    {
      ...(given.submit === undefined ? {} : { submit: given.submit }),
      ...(given.found === undefined ? {} : { lookup: given.found }),
    },
    functions,
  );
  const records = (given.records ?? people).map((record, index) => ({ index, record }));
  const page = { generator, page: 0 };
  const outcome = await runPage(flow, flow.program.entry, page, records, runContext(), effects);
  const [sentToStep, sentToSink] = given.lookup === undefined ? [effects.submitted[0], undefined] : effects.submitted;
  const goesOn =
    given.lookup === undefined
      ? outcome.continuations.flatMap((continuation) => continuation.records)
      : sentToSink?.records;
  return {
    ...outcome,
    sent: sentToStep?.records.map(({ mapped }) => mapped) ?? [],
    onward: goesOn?.map(({ record }) => record) ?? [],
    functions,
  };
}

const countsOf = ({ counts }: PageRun, stepId = first) => counts.find((step) => step.stepId === stepId);
const listOf = (value: JsonValue | undefined) => value as readonly JsonRecord[];
const throws = () => {
  throw new Error('broken');
};
const refused: Failure = { code: '422', message: 'no', source: 'application' };

describe('options of every hook (runtime §16.1)', () => {
  it('name the step and its surroundings', async () => {
    const target = { settings: { region: 'north' }, hooks: { preMap: { ...hook('pre'), configuration: { a: 1 } } } };
    const { functions } = await ran({
      target,
      functions: { pre: ({ data }) => listOf(data).map((one) => ({ data: one })) },
    });
    expect(functions.calls[0]?.options).toMatchObject({
      _importId: first,
      _flowId: 'f'.repeat(24),
      settings: { flow: { region: 'eu' }, import: { region: 'north' } },
      testMode: false,
      job: expect.anything(),
      configuration: { a: 1 },
      data: people,
    });
  });
});

describe.each<['preMap' | 'postMap', string]>([
  ['preMap', 'pre_map_hook'],
  ['postMap', 'post_map_hook'],
])('%s (runtime §16.1)', (name, source) => {
  const dataOf = (options: JsonRecord) => listOf(name === 'preMap' ? options.data : options.postMapData);
  const target = { hooks: { [name]: hook('edit') } };

  it('sends what it returns, and passes on the record as it was (§16.2.1)', async () => {
    const result = await ran({
      target,
      functions: { edit: (options) => dataOf(options).map((one) => ({ data: { ...one, added: true } })) },
    });
    expect(result.sent).toEqual(people.map((one) => ({ ...one, added: true })));
    expect(result.onward).toEqual(people);
  });

  it('fails a record with errors, ignores {} and logs a warning beside data (decision 24)', async () => {
    const result = await ran({
      target,
      functions: {
        edit: () => [
          { errors: [{ code: 'bad', message: 'no good' }] },
          {},
          { data: { id: 3 }, errors: [{ code: 'odd', message: 'careful', source: 'mapping' }] },
        ],
      },
    });
    expect(result.sent).toEqual([{ id: 3 }]);
    expect(result.onward).toEqual([{ id: 2 }, { id: 3 }]);
    expect(countsOf(result)).toMatchObject({ success: 1, error: 1, ignore: 1 });
    expect(result.failures).toMatchObject([
      { index: 2, warning: true, failure: { code: 'odd', message: 'careful', source: 'mapping' } },
      { index: 0, failure: { code: 'bad', message: 'no good', source }, retryRecord: { id: 1 } },
    ]);
  });

  it.each<[string, LocalFunction, string]>([
    ['an exception', throws, 'Error'],
    ['a wrong length', () => [{}], 'invalid_extension_response'],
    ['no array', () => ({ data: [] }), 'invalid_extension_response'],
    ['nothing', () => undefined, 'invalid_extension_response'],
  ])('%s fails every record of the page', async (_, edit, code) => {
    const result = await ran({ target, functions: { edit } });
    expect(result.sent).toEqual([]);
    expect(countsOf(result)).toMatchObject({ success: 0, error: 3, ignore: 0 });
    expect(result.failures.map(({ failure }) => failure)).toEqual(
      people.map(() => ({ code, message: expect.any(String), source })),
    );
  });

  it('an element of a wrong type fails its record alone', async () => {
    const result = await ran({
      target,
      functions: { edit: (options) => dataOf(options).map((data, at) => (at === 1 ? 'x' : { data })) },
    });
    expect(result.failures).toMatchObject([{ index: 1, failure: { code: 'invalid_extension_response', source } }]);
    expect(countsOf(result)).toMatchObject({ success: 2, error: 1 });
  });
});

describe('the pipeline of an import (runtime §9.3)', () => {
  it('is filter → preMap → mapping → postMap → submit → responseTransform → postSubmit → response mapping → postResponseMap', async () => {
    const result = await ran({
      records: [
        { id: 1, n: 5 },
        { id: 2, n: 0 },
      ],
      target: {
        filter: { type: 'script', script: hook('keep') },
        mappings: [{ status: 'Active', dataType: 'number', generate: 'm', extract: '$.pre' }],
        hooks: { preMap: hook('pre'), postMap: hook('post'), postSubmit: hook('submitted') },
        responseTransform: { type: 'script', script: hook('answer') },
      },
      processor: {
        responseMapping: {
          fields: [
            { extract: '_json.said', generate: 'said' },
            { extract: 'ignored', generate: 'skipped' },
          ],
        },
        hooks: { postResponseMap: hook('mapped') },
      },
      submit: () => ({ statusCode: 200, id: 'a', _json: { raw: 1 } }),
      functions: {
        keep: ({ record }) => (record as JsonRecord).n !== 0,
        pre: ({ data }) => listOf(data).map(({ n }) => ({ data: { pre: (n as number) + 1 } })),
        post: ({ preMapData, postMapData }) =>
          listOf(postMapData).map((data, at) => ({ data: { ...data, from: listOf(preMapData)[at] } })),
        answer: ({ record }) => ({ transformed: record }),
        submitted: ({ responseData }) =>
          listOf(responseData).map((one) => ({ ...one, _json: { said: JSON.stringify(one._json) } })),
        mapped: ({ postResponseMapData, responseData }) =>
          listOf(postResponseMapData).map((one, at) => ({ ...one, last: listOf(responseData)[at]?.ignored })),
      },
    });
    expect(result.functions.calls.map(({ name }) => name)).toEqual([
      'keep',
      'keep',
      'pre',
      'post',
      'answer',
      'submitted',
      'mapped',
    ]);
    expect(result.sent).toEqual([{ m: 6, from: { pre: 6 } }]);
    expect(result.onward).toEqual([
      { id: 1, n: 5, said: '{"transformed":{"raw":1}}', skipped: false, last: false },
      { id: 2, n: 0, skipped: true, last: true },
    ]);
    expect(countsOf(result)).toMatchObject({ success: 1, ignore: 1, error: 0 });
  });
});

describe('postSubmit (runtime §16.1)', () => {
  const target = { hooks: { postSubmit: hook('submitted') } };
  const firstFails = ({ record }: PreparedRecord): ImportOutcome =>
    (record as JsonRecord).id === 1
      ? { statusCode: 422, failures: [refused], dataURI: '/1' }
      : { statusCode: 200, id: JSON.stringify((record as JsonRecord).id) };

  it('sees what was sent and what came back', async () => {
    const { functions } = await ran({ target, submit: firstFails, functions: { submitted: (o) => o.responseData } });
    expect(functions.calls[0]?.options).toMatchObject({
      preMapData: people,
      postMapData: people,
      responseData: [
        { statusCode: 422, ignored: false, errors: [refused], dataURI: '/1' },
        { statusCode: 200, ignored: false, errors: [], id: '2' },
        { statusCode: 200, ignored: false, errors: [], id: '3' },
      ],
    });
  });

  it('turns errors into successes and successes into errors', async () => {
    const result = await ran({
      target,
      submit: firstFails,
      functions: {
        submitted: ({ responseData }) => {
          const [one, two, three] = listOf(responseData);
          return [
            { ...one, statusCode: 200, errors: [] },
            { ...two, statusCode: 422, errors: [{ code: 'late', message: 'too late' }] },
            { ...three, ignored: true },
          ];
        },
      },
    });
    expect(countsOf(result)).toMatchObject({ success: 1, error: 1, ignore: 1 });
    expect(result.failures).toMatchObject([
      { index: 1, failure: { code: 'late', message: 'too late', source: 'post_submit_hook' } },
    ]);
    expect(result.onward).toEqual([{ id: 1 }, { id: 3 }]);
  });

  it('errors that it hands back unchanged keep their source and exchange', async () => {
    const exchange = { method: 'POST', url: 'http://a/', requestHeaders: {}, durationMs: 1 };
    const result = await ran({
      target,
      submit: () => ({ statusCode: 422, failures: [{ ...refused, exchange }] }),
      functions: { submitted: ({ responseData }) => responseData },
    });
    expect(result.failures.map(({ failure }) => failure)).toEqual(people.map(() => ({ ...refused, exchange })));
  });

  it('an exception fails every record, also those that were accepted', async () => {
    const result = await ran({ target, functions: { submitted: throws } });
    expect(countsOf(result)).toMatchObject({ success: 0, error: 3 });
    expect(result.failures[0]).toMatchObject({ failure: { source: 'post_submit_hook', message: 'broken' } });
  });
});

describe('postResponseMap (runtime §16.1)', () => {
  const processor = { hooks: { postResponseMap: hook('mapped') } };

  it('sees the records with their responses; what it returns goes on', async () => {
    const result = await ran({
      processor: { ...processor, responseMapping: { fields: [{ extract: 'id', generate: 'ext' }] } },
      functions: {
        mapped: ({ postResponseMapData, responseData }) =>
          listOf(postResponseMapData).map((one, at) => ({ ...one, code: listOf(responseData)[at]?.statusCode })),
      },
    });
    expect(result.onward).toEqual(people.map((one, at) => ({ ...one, ext: `id${at}`, code: 200 })));
  });

  it('sees the data of a lookup, also of records that the input filter kept from it', async () => {
    const result = await ran({
      lookup: { inputFilter: { rules: ['notequals', ['extract', 'id'], 2] } },
      processor,
      found: ({ record }) => ({ statusCode: 200, data: [{ of: (record as JsonRecord).id as number }] }),
      functions: {
        mapped: ({ postResponseMapData, responseData }) =>
          listOf(postResponseMapData).map((one, at) => ({ ...one, found: listOf(responseData)[at]?.data })),
      },
    });
    expect(result.onward).toEqual([
      { id: 1, found: [{ of: 1 }] },
      { id: 2, found: [] },
      { id: 3, found: [{ of: 3 }] },
    ]);
  });

  it.each<[string, LocalFunction, string]>([
    ['an exception', throws, 'broken'],
    ['a wrapper object', () => ({ postResponseMapData: [] }), 'array of 3 elements'],
    ['a wrong length', () => [{}], 'expected 3, received 1'],
  ])('%s fails every record of the page', async (_, mapped, message) => {
    const result = await ran({ processor, functions: { mapped } });
    expect(countsOf(result)).toMatchObject({ success: 0, error: 3 });
    expect(result.failures[0]?.failure.message).toContain(message);
    expect(result.failures[0]?.failure.source).toBe('post_response_map_hook');
    expect(result.onward).toEqual([]);
  });

  describe('with one-to-many', () => {
    const records = [{ id: 1, lines: [{ n: 1 }, { n: 2 }] }];
    const target = { oneToMany: true, pathToMany: 'lines' };
    const mark: LocalFunction = ({ postResponseMapData }) =>
      listOf(postResponseMapData).map((one) => ({ ...one, marked: true }));

    it('sees the parents', async () => {
      const result = await ran({ records, target, processor, functions: { mapped: mark } });
      expect(result.functions.calls[0]?.options).toMatchObject({
        oneToMany: true,
        pathToMany: 'lines',
        postResponseMapData: records,
        responseData: [[{ id: 'id0' }, { id: 'id1' }]],
      });
      expect(result.onward).toEqual([{ ...records[0], marked: true }]);
      expect(countsOf(result)).toMatchObject({ success: 2 });
    });

    it('sees the children where its script says so', async () => {
      const result = await ran({ records, target, processor, functions: { mapped: mark }, onChildren: true });
      expect(result.onward).toEqual([
        {
          id: 1,
          lines: [
            { n: 1, marked: true },
            { n: 2, marked: true },
          ],
        },
      ]);
    });
  });
});

describe('preSavePage of a lookup (runtime §9.2)', () => {
  const processor: Partial<PageProcessor> = { responseMapping: { fields: [{ extract: 'data', generate: 'found' }] } };
  const found = () => ({ statusCode: 200, data: [{ n: 1 }, { n: 2 }] });

  it('edits what was found for each record', async () => {
    const result = await ran({
      lookup: {
        transform: { type: 'script', script: hook('double') },
        filter: { type: 'script', script: hook('big') },
        hooks: { preSavePage: hook('save') },
      },
      processor,
      found,
      functions: {
        double: ({ record }) => ({ n: ((record as JsonRecord).n as number) * 2 }),
        big: ({ record }) => ((record as JsonRecord).n as number) > 2,
        save: ({ data, pageIndex }) => ({ data: [...listOf(data), { pageIndex }], errors: [] }),
      },
    });
    expect(result.onward).toEqual(people.map((one) => ({ ...one, found: [{ n: 4 }, { pageIndex: 0 }] })));
  });

  it('fails a record for which nothing was found', async () => {
    const result = await ran({
      lookup: { hooks: { preSavePage: hook('save') } },
      processor,
      found: ({ record }) => ({ statusCode: 200, data: (record as JsonRecord).id === 2 ? [] : [{}] }),
      functions: {
        save: ({ data, errors }) => ({
          data,
          errors,
          newErrorsAndRetryData:
            listOf(data).length === 0 ? [{ retryData: {}, errors: [{ code: 'none', message: 'nobody' }] }] : [],
        }),
      },
    });
    expect(countsOf(result, lookupId)).toMatchObject({ success: 2, error: 1 });
    expect(result.failures).toMatchObject([
      { index: 1, failure: { code: 'none', source: 'pre_save_page_hook' }, retryRecord: { id: 2 } },
    ]);
  });
});

describe('filter and transform scripts (runtime §10, §11)', () => {
  it.each<[string, LocalFunction]>([
    ['throws', throws],
    ['returns no boolean', () => 1],
  ])('an input filter that %s fails its record', async (_, keep) => {
    const result = await ran({
      lookup: { inputFilter: { type: 'script', script: hook('keep') } },
      functions: { keep: (options) => ((options.record as JsonRecord).id === 2 ? keep(options) : true) },
    });
    expect(result.failures).toMatchObject([{ index: 1, failure: { source: 'input_filter' } }]);
    expect(countsOf(result, lookupId)).toMatchObject({ success: 2, error: 1 });
  });
});

describe('preSavePage of a generator (runtime §7, §16.1)', () => {
  const raw = [{ id: 1 }, { id: 2 }, { id: 3 }];

  async function shaped(
    source: Partial<Export>,
    functions: Readonly<Record<string, LocalFunction>>,
  ): Promise<ShapedPage & { readonly functions: LocalFunctions }> {
    const flow = compiled({ source, scripts: scripts() });
    const local = new LocalFunctions(functions);
    const page = await flow.generators.get(generator)!.shape({ index: 4, records: raw }, runContext(), local);
    return { ...page, functions: local };
  }

  it('runs behind transform and filter, with the errors so far', async () => {
    const page = await shaped(
      {
        transform: { type: 'script', script: hook('shape') },
        filter: { type: 'script', script: hook('keep') },
        hooks: { preSavePage: hook('save') },
      },
      {
        shape: ({ record }) => ((record as JsonRecord).id === 1 ? throws() : { n: (record as JsonRecord).id }),
        keep: ({ record }) => (record as JsonRecord).n !== 2,
        save: ({ data, errors }) => ({ data, errors }),
      },
    );
    expect(page.functions.calls.at(-1)?.options).toMatchObject({
      data: [{ n: 3 }],
      pageIndex: 4,
      errors: [{ code: 'Error', message: 'broken', source: 'transformation', retryDataKey: '0' }],
      retryData: { 0: { data: { id: 1 }, stage: 'page_generator', traceKey: '1' } },
    });
    expect(page).toMatchObject({
      records: [{ index: 0, record: { n: 3 } }],
      ignored: 1,
      failures: [{ index: 0, failure: { source: 'transformation' }, retryRecord: { id: 1 } }],
    });
  });

  it('is told which file each record of a file export came from (§16.1)', async () => {
    const flow = compiled({
      source: {
        adaptorType: 'FileSystemExport',
        filter: { rules: ['notequals', 2, ['extract', 'id']] },
        hooks: { preSavePage: hook('save') },
      },
      scripts: scripts(),
    });
    const local = new LocalFunctions({ save: ({ data }) => ({ data }) });
    const source = flow.generators.get(generator)!;
    expect(source.seesFiles).toBe(true);
    const fileMetas = [{ fileName: 'a' }, { fileName: 'b' }, undefined];
    await source.shape({ index: 0, records: raw, fileMetas }, runContext(), local);
    expect(local.calls[0]?.options).toMatchObject({
      data: [{ id: 1 }, { id: 3 }],
      files: [{ fileMeta: { fileName: 'a' } }, { fileMeta: {} }],
    });
  });

  it.each<[string, LocalFunction, Partial<ShapedPage>]>([
    [
      'more records',
      ({ data }) => ({ data: [...listOf(data), { id: 4 }] }),
      { ignored: 0, records: [1, 2, 3, 4].map((id, index) => ({ index, record: { id } })) },
    ],
    ['fewer records', () => ({ data: [{ id: 3 }] }), { ignored: 2, records: [{ index: 0, record: { id: 3 } }] }],
    ['an end to paging', ({ data }) => ({ data, abort: true }), { isLast: true, ignored: 0 }],
  ])('returns %s', async (_, save, expected) => {
    expect(await shaped({ hooks: { preSavePage: hook('save') } }, { save })).toMatchObject(expected);
  });

  it('reports errors of its own, with and without retry data; they are not ignored too', async () => {
    const page = await shaped(
      { hooks: { preSavePage: hook('save') } },
      {
        save: () => ({
          data: [{ id: 3 }],
          errors: [{ code: 'a', message: 'first' }],
          newErrorsAndRetryData: [{ retryData: { id: 2 }, errors: [{ code: 'b', message: 'second' }] }],
        }),
      },
    );
    expect(page.ignored).toBe(0);
    expect(page.failures).toMatchObject([
      { index: 3, failure: { code: 'a', source: 'pre_save_page_hook' }, retryRecord: null },
      { index: 4, failure: { code: 'b', source: 'pre_save_page_hook' }, retryRecord: { id: 2 } },
    ]);
  });

  it.each<[string, LocalFunction, string]>([
    ['an exception', throws, 'Error'],
    ['no object', () => [], 'invalid_extension_response'],
    ['data that is no array', () => ({ data: {} }), 'invalid_extension_response'],
  ])('%s ends the generator (errors §15)', async (_, save, code) => {
    const page = await shaped({ hooks: { preSavePage: hook('save') } }, { save });
    expect(page).toMatchObject({ records: [], fatal: { code, source: 'pre_save_page_hook' } });
  });
});

describe('preParse of a file export (runtime §16)', () => {
  const file = { preParseData: 'id;n', fileMeta: { fileName: 'a.csv', fileSize: 4 } };

  async function parsed(preParse: LocalFunction): Promise<{ outcome: unknown; functions: LocalFunctions }> {
    const flow = compiled({
      source: { adaptorType: 'FileSystemExport', hooks: { preParse: hook('preParse') } },
      scripts: scripts(),
    });
    const functions = new LocalFunctions({ preParse });
    const outcome = await flow.generators.get(generator)!.preParse!(file, runContext(), functions);
    return { outcome, functions };
  }

  it('gets and returns the text and what is known of the file', async () => {
    const { outcome, functions } = await parsed(({ preParseData, fileMeta }) => ({
      preParseData: (preParseData as string).replace(';', ','),
      fileMeta: { ...(fileMeta as JsonRecord), seen: true },
    }));
    expect(functions.calls[0]?.options).toMatchObject({ ...file, _exportId: generator, testMode: false });
    expect(outcome).toEqual({ preParseData: 'id,n', fileMeta: { ...file.fileMeta, seen: true } });
  });

  it.each<[string, LocalFunction, string]>([
    ['an exception', throws, 'Error'],
    ['nothing', () => undefined, 'invalid_extension_response'],
    ['a text', ({ preParseData }) => preParseData, 'invalid_extension_response'],
    ['no text', () => ({ preParseData: [], fileMeta: {} }), 'invalid_extension_response'],
    ['no fileMeta', ({ preParseData }) => ({ preParseData }), 'invalid_extension_response'],
  ])('%s is a failure', async (_, preParse, code) => {
    const { outcome } = await parsed(preParse);
    expect(outcome).toMatchObject({ failure: { code, source: 'pre_parse_hook' } });
  });
});

describe('the integration above the flow’s (runtime §16.1)', () => {
  it.each([undefined, 'b'.repeat(24)])('is named in the options of every hook: %s', async (parentIntegrationId) => {
    const above = parentIntegrationId === undefined ? {} : { parentIntegrationId };
    const flow = compiled({ source: { hooks: { preSavePage: hook('save') } }, scripts: scripts(), ...above });
    const functions = new LocalFunctions({ save: ({ data }) => ({ data }) });
    await flow.generators.get(generator)!.shape({ index: 0, records: [{}] }, runContext(), functions);
    expect(functions.calls[0]?.options._parentIntegrationId).toBe(parentIntegrationId);
  });
});

describe('postAggregate (runtime §16.1)', () => {
  const file = { fileName: 'all.json', directoryPath: 'out', fileSize: 12 };
  const flowWith = (target: Partial<Import>) => compiled({ imports: { [first]: target }, scripts: scripts() });

  it('is told of a file; what it returns is ignored', async () => {
    const functions = new LocalFunctions({ done: () => 'anything' });
    const [aggregation] = aggregationsOf(flowWith({ hooks: { postAggregate: hook('done') } }));
    expect(aggregation?.stepId).toBe(first);
    expect(await aggregation?.report(file, runContext(), functions)).toBeNull();
    expect(functions.calls[0]?.options).toMatchObject({
      _importId: first,
      postAggregateData: { success: true, _json: file },
    });
  });

  it('fails with its source when it throws', async () => {
    const [aggregation] = aggregationsOf(flowWith({ hooks: { postAggregate: hook('done') } }));
    expect(await aggregation?.report(file, runContext(), new LocalFunctions({ done: throws }))).toEqual({
      code: 'Error',
      message: 'broken',
      source: 'post_aggregate_hook',
    });
  });

  it('is nobody’s who has none', () => {
    expect(aggregationsOf(flowWith({}))).toEqual([]);
  });
});
