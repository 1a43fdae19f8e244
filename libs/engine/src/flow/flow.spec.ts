import { describe, expect, it } from '@jest/globals';
import type { Failure } from '#failures';
import type { JsonRecord, JsonValue } from '#model';
import type { CompiledFlow, ImportOutcome, PreparedRecord } from '../program.js';
import { noFunctions, runContext } from '../testing/contexts.js';
import { compiled, FakeEffects, first, generator, lookupId, planOf, second, type PlanParts } from '../testing/flows.js';
import { compileFlow } from './compile-flow.js';
import { runPage } from './run-page.js';

const run = (
  flow: CompiledFlow,
  records: readonly JsonValue[],
  effects = new FakeEffects(),
  position = flow.program.entry,
) =>
  runPage(
    flow,
    position,
    { generator, page: 0 },
    records.map((record, index) => ({ index, record })),
    runContext(),
    effects,
  );

const dataError: Failure = { code: '422', message: 'no', source: 'application' };
const rejectOdd = ({ record }: PreparedRecord): ImportOutcome =>
  ((record as JsonRecord).id as number) % 2 === 1
    ? { statusCode: 422, failures: [dataError], dataURI: '/odd' }
    : { statusCode: 200, id: 'ok' };
const people = [{ id: 1 }, { id: 2 }, { id: 3 }, { id: 4 }];

it('filters of steps and generators read the input of the run', async () => {
  const rules = ['equals', ['number', ['context', 'job.input.wanted']], ['extract', 'id']];
  const filter = { type: 'expression' as const, expression: { version: '1' as const, rules } };
  const flow = compiled({ source: { filter }, imports: { [first]: { filter } } });
  const context = runContext({ job: { _id: 'job', input: { wanted: 3 } } });
  const shaped = await flow.generators.get(generator)!.shape({ index: 0, records: people }, context, noFunctions);
  expect(shaped.records).toMatchObject([{ record: { id: 3 } }]);
  const effects = new FakeEffects();
  const records = people.map((record, index) => ({ index, record }));
  await runPage(flow, 0, { generator, page: 0 }, records, context, effects);
  expect(effects.submitted).toMatchObject([{ records: [{ record: { id: 3 } }] }]);
});

describe('compiling a flow', () => {
  it('puts processor n at position n and the end behind the last', () => {
    const flow = compiled({
      processors: [
        { type: 'export', _exportId: lookupId },
        { type: 'import', _importId: first },
      ],
    });
    expect(flow.program.instructions.map(({ op }) => op)).toEqual(['lookup', 'import', 'end']);
    expect(flow.program.entry).toBe(0);
    expect(flow.stepIds).toEqual([generator, lookupId, first]);
  });

  it('accepts the legacy two-step form', () => {
    const flow = compiled({ flow: { pageGenerators: [], pageProcessors: [], _exportId: generator, _importId: first } });
    expect(flow.stepIds).toEqual([generator, first]);
  });

  it.each<[string, PlanParts, string]>([
    [
      'a hook of a script that does not exist',
      { imports: { [first]: { hooks: { preMap: { _scriptId: '9'.repeat(24), function: 'f' } } } } },
      'invalid_flow',
    ],
    ['a filter script that names no script', { source: { filter: { type: 'script' } } }, 'invalid_flow'],
    ['a transform script that names no script', { source: { transform: { type: 'script' } } }, 'invalid_flow'],
    [
      'a live lookup',
      {
        imports: {
          [first]: {
            mappings: [{ status: 'Active', dataType: 'string', generate: 'a', extract: '$.a', lookupName: 'l' }],
            lookups: [{ name: 'l', relativeURI: '/' }],
          },
        },
      },
      'not_supported',
    ],
    ['an unknown filter operator', { source: { filter: { rules: ['like', ['extract', 'a'], 'b'] } } }, 'invalid_value'],
    [
      'a malformed extract',
      { imports: { [first]: { mapping: { fields: [{ extract: 'a[', generate: 'b' }] } } } },
      'invalid_value',
    ],
    ['a missing import', { processors: [{ type: 'import', _importId: second }] }, 'invalid_flow'],
    ['no generator', { flow: { pageGenerators: [] } }, 'invalid_flow'],
  ])('refuses %s and says so', (_, parts, code) => {
    expect(compileFlow(planOf(parts))).toMatchObject({ failures: [expect.objectContaining({ code })] });
  });

  it('lists every reason at once', () => {
    const plan = planOf({
      source: { filter: { type: 'script' }, transform: { type: 'script' } },
      flow: { pageProcessors: [{ type: 'import', _importId: second }] },
    });
    expect(compileFlow(plan)).toMatchObject({ failures: { length: 3 } });
  });

  it('accepts hook stubs without a script', () => {
    expect(compiled({ imports: { [first]: { hooks: { preMap: { function: '' } } } } }).stepIds).toContain(first);
  });
});

describe('shaping a page (runtime §7, decision 1)', () => {
  it('transforms, then filters, then names records; indices are those of the source', async () => {
    const flow = compiled({
      source: {
        pageSize: 100,
        transform: {
          expression: {
            version: '2',
            rulesTwoDotZero: {
              mode: 'modify',
              mappings: [{ status: 'Active', dataType: 'number', generate: 'n', extract: '$.n' }],
            },
          },
        },
        filter: { type: 'expression', expression: { version: '1', rules: ['greaterthan', ['extract', 'n'], 1] } },
        traceKeyTemplate: 'T{{record.id}}',
      },
    });
    const source = flow.generators.get(generator);
    expect(source?.pageSize).toBe(100);
    const page = await source?.shape(
      {
        index: 0,
        records: [
          { id: 1, n: '1' },
          { id: 2, n: '2' },
          { id: 3, n: 'x' },
        ],
      },
      runContext(),
      noFunctions,
    );
    expect(page?.records).toEqual([{ index: 1, record: { id: 2, n: 2 }, traceKey: 'T2' }]);
    expect(page?.ignored).toBe(1);
    expect(page?.failures).toMatchObject([
      {
        stepId: generator,
        index: 2,
        stage: 'page_generator',
        traceKey: '3',
        retryRecord: { id: 3, n: 'x' },
        failure: { source: 'transformation' },
      },
    ]);
  });

  it('keeps no retry data where the generator skips retries', async () => {
    const flow = compiled({
      flow: { pageGenerators: [{ _exportId: generator, skipRetries: true }] },
      source: { filter: { rules: ['matches', 'x', ['extract', 'p']] } },
    });
    const page = await flow.generators
      .get(generator)
      ?.shape({ index: 0, records: [{ p: '(' }] }, runContext(), noFunctions);
    expect(page?.failures).toMatchObject([{ retryRecord: null }]);
  });

  it('takes 20 records where the page size is unset or no size', () => {
    expect(compiled({}).generators.get(generator)?.pageSize).toBe(20);
    expect(compiled({ source: { pageSize: 0 } }).generators.get(generator)?.pageSize).toBe(20);
  });
});

describe('running a page: counts and failures (decision 1, runtime §18)', () => {
  it('counts success, error and ignore of an import; every record once', async () => {
    const flow = compiled({ imports: { [first]: { filter: { rules: ['notequals', ['extract', 'id'], 2] } } } });
    const result = await run(flow, people, new FakeEffects({ submit: rejectOdd }));
    expect(result.counts).toEqual([{ stepId: first, success: 1, error: 2, ignore: 1 }]);
    expect(result.failures.map(({ index }) => index)).toEqual([0, 2]);
    expect(result.failures[0]).toEqual({
      stepId: first,
      index: 0,
      failure: dataError,
      traceKey: '1',
      retryRecord: { id: 1 },
      stage: 'page_processor_import',
      importDataURI: '/odd',
    });
    expect(result).toMatchObject({ continuations: [], interrupted: false });
  });

  it('a record whose mapping fails is not sent, the others are', async () => {
    const flow = compiled({
      imports: { [first]: { mappings: [{ status: 'Active', dataType: 'number', generate: 'n', extract: '$.n' }] } },
    });
    const effects = new FakeEffects();
    const result = await run(flow, [{ n: 'x' }, { n: '5' }], effects);
    expect(result.counts).toEqual([{ stepId: first, success: 1, error: 1, ignore: 0 }]);
    expect(effects.submitted[0]?.records).toEqual([{ index: 1, record: { n: '5' }, mapped: { n: 5 } }]);
    expect(result.failures).toMatchObject([{ failure: { source: 'mapping', code: 'cast_failed' } }]);
  });

  it('asks for nothing when no record is left to send', async () => {
    const effects = new FakeEffects();
    await run(
      compiled({ imports: { [first]: { filter: { rules: ['equals', ['extract', 'id'], 0] } } } }),
      people,
      effects,
    );
    expect(effects.submitted).toEqual([]);
  });

  it('fails a record that a destination refused without saying why, and one it forgot', async () => {
    const effects = new FakeEffects({ submit: () => ({ statusCode: 500 }) });
    expect((await run(compiled({}), [{}], effects)).failures).toMatchObject([
      { failure: { code: '500', source: 'application' } },
    ]);
    effects.submit = async () => [];
    expect((await run(compiled({}), [{}], effects)).failures).toMatchObject([{ failure: { code: 'missing_result' } }]);
  });

  it('a destination that ignores a record is counted so', async () => {
    const effects = new FakeEffects({ submit: () => ({ statusCode: 200, ignored: true }) });
    expect((await run(compiled({}), [{ id: 1 }], effects)).counts).toEqual([
      { stepId: first, success: 0, error: 0, ignore: 1 },
    ]);
  });

  it('keeps the retry record as it entered the step, whatever mapping and response mapping did', async () => {
    const record = { id: 1, a: { b: 1 } };
    const flow = compiled({
      processors: [
        {
          type: 'export',
          _exportId: lookupId,
          responseMapping: { fields: [{ extract: 'data[0].x', generate: 'a.x' }] },
        },
        { type: 'import', _importId: first },
      ],
    });
    const effects = new FakeEffects({
      lookup: () => ({ statusCode: 200, data: [{ x: 9 }] }),
      submit: () => ({ statusCode: 422, failures: [dataError] }),
    });
    const result = await run(flow, [record], effects);
    expect(result.failures[0]?.retryRecord).toEqual({ id: 1, a: { b: 1, x: 9 } });
    expect(record).toEqual({ id: 1, a: { b: 1 } });
  });
});

describe('running a page: what goes on (runtime §9, §18)', () => {
  const chain = (proceedOnFailure: boolean): PlanParts => ({
    processors: [
      {
        type: 'import',
        _importId: first,
        proceedOnFailure,
        responseMapping: {
          fields: [
            { extract: 'id', generate: 'firstId' },
            { extract: 'errors[0].message', generate: 'why' },
          ],
        },
      },
      { type: 'import', _importId: second },
    ],
    imports: { [first]: {}, [second]: {} },
  });

  it('stops after an import that is not the last step, at the next position', async () => {
    const effects = new FakeEffects({ submit: rejectOdd });
    const result = await run(compiled(chain(false)), people, effects);
    expect(effects.submitted).toHaveLength(1);
    expect(result.continuations).toEqual([
      {
        position: 1,
        records: [
          { index: 1, record: { id: 2, firstId: 'ok' } },
          { index: 3, record: { id: 4, firstId: 'ok' } },
        ],
      },
    ]);
  });

  it('continues from a position', async () => {
    const effects = new FakeEffects();
    const result = await run(compiled(chain(false)), people, effects, 1);
    expect(effects.submitted.map(({ stepId }) => stepId)).toEqual([second]);
    expect(result.continuations).toEqual([]);
  });

  it('failed records go on with their errors where failures proceed, and are stored all the same', async () => {
    const result = await run(compiled(chain(true)), people, new FakeEffects({ submit: rejectOdd }));
    expect(result.continuations[0]?.records.map(({ record }) => record)).toEqual([
      { id: 1, why: 'no' },
      { id: 2, firstId: 'ok' },
      { id: 3, why: 'no' },
      { id: 4, firstId: 'ok' },
    ]);
    expect(result.failures).toHaveLength(2);
    expect(result.counts).toEqual([{ stepId: first, success: 2, error: 2, ignore: 0 }]);
  });

  it('publishes no continuation when no record is left', async () => {
    const result = await run(compiled(chain(false)), [{ id: 1 }], new FakeEffects({ submit: rejectOdd }));
    expect(result.continuations).toEqual([]);
  });

  it('a record that an import filters out goes on unchanged', async () => {
    const parts = chain(false);
    const flow = compiled({
      ...parts,
      imports: { [first]: { filter: { rules: ['equals', ['extract', 'id'], 2] } }, [second]: {} },
    });
    const result = await run(flow, [{ id: 1 }, { id: 2 }]);
    expect(result.continuations[0]?.records.map(({ record }) => record)).toEqual([
      { id: 1 },
      { id: 2, firstId: 'id1' },
    ]);
    expect(result.counts).toEqual([{ stepId: first, success: 1, error: 0, ignore: 1 }]);
  });

  it('needs no checkpoint after a lookup', async () => {
    const flow = compiled({
      processors: [
        { type: 'export', _exportId: lookupId, responseMapping: { fields: [{ extract: 'data', generate: 'found' }] } },
        { type: 'import', _importId: first },
      ],
      lookup: {
        inputFilter: { rules: ['notequals', ['extract', 'id'], 1] },
        transform: { rules: [[{ extract: 'x', generate: 'y' }]] },
        filter: { rules: ['greaterthan', ['extract', 'y'], 1] },
      },
    });
    const effects = new FakeEffects({ lookup: () => ({ statusCode: 200, data: [{ x: 1 }, { x: 2 }] }) });
    const result = await run(flow, [{ id: 1 }, { id: 2 }], effects);
    expect(effects.submitted.map(({ stepId }) => stepId)).toEqual([lookupId, first]);
    expect(effects.submitted[1]?.records.map(({ record }) => record)).toEqual([
      { id: 1 },
      { id: 2, found: [{ y: 2 }] },
    ]);
    expect(result.counts).toEqual([
      { stepId: lookupId, success: 1, error: 0, ignore: 1 },
      { stepId: first, success: 2, error: 0, ignore: 0 },
    ]);
  });
});

describe('cancel (decision 6)', () => {
  it('starts nothing new; untouched records count nowhere', async () => {
    const effects = new FakeEffects();
    effects.canceled = true;
    expect(await run(compiled({}), people, effects)).toEqual({
      counts: [],
      failures: [],
      continuations: [],
      interrupted: true,
    });
  });

  it('records that the adaptor did not send any more count nowhere', async () => {
    const effects = new FakeEffects();
    effects.submit = async (_stepId, _page, records) => {
      effects.canceled = true;
      return records.map(({ index }) =>
        index < 2
          ? { statusCode: 200 }
          : { statusCode: 422, failures: [{ code: 'canceled', message: '', source: 'internal' }] },
      );
    };
    expect(await run(compiled({}), people, effects)).toMatchObject({
      counts: [{ success: 2, error: 0, ignore: 0 }],
      failures: [],
      interrupted: true,
    });
  });
});

describe('oneToMany (runtime §9.1)', () => {
  const order = { id: 7, lines: [{ sku: 'a' }, { sku: 'b' }] };
  const parts = (pathToMany: string | undefined, proceedOnFailure = false): PlanParts => ({
    processors: [
      {
        type: 'import',
        _importId: first,
        proceedOnFailure,
        responseMapping: { fields: [{ extract: 'id', generate: 'lineId' }] },
      },
      { type: 'import', _importId: second },
    ],
    imports: { [first]: { oneToMany: true, ...(pathToMany === undefined ? {} : { pathToMany }) }, [second]: {} },
  });

  it('sends children with their parent, and joins them back', async () => {
    const effects = new FakeEffects({
      submit: ({ record }) => ({ statusCode: 200, id: `id-${(record as { readonly sku: string }).sku}` }),
    });
    const result = await run(compiled(parts('lines')), [order], effects);
    expect(effects.submitted[0]?.records.map(({ record }) => record)).toEqual([
      { sku: 'a', _PARENT: { id: 7 } },
      { sku: 'b', _PARENT: { id: 7 } },
    ]);
    expect(new Set(effects.submitted[0]?.records.map(({ index }) => index)).size).toBe(2);
    expect(result.continuations[0]?.records).toEqual([
      {
        index: 0,
        record: {
          id: 7,
          lines: [
            { sku: 'a', lineId: 'id-a' },
            { sku: 'b', lineId: 'id-b' },
          ],
        },
      },
    ]);
    expect(result.counts).toEqual([{ stepId: first, success: 2, error: 0, ignore: 0 }]);
  });

  it('each child fails alone; its retry record is the parent with that child', async () => {
    const effects = new FakeEffects({
      submit: ({ record }) =>
        (record as JsonRecord).sku === 'a' ? { statusCode: 422, failures: [dataError] } : { statusCode: 200 },
    });
    const result = await run(compiled(parts('lines')), [order], effects);
    expect(result.failures).toMatchObject([
      { index: 0, failure: dataError, retryRecord: { id: 7, lines: [{ sku: 'a' }] } },
      { index: 0, failure: { code: 'oneToMany_error' } },
    ]);
    expect(result.counts).toEqual([{ stepId: first, success: 1, error: 1, ignore: 0 }]);
    expect(result.continuations).toEqual([]);
  });

  describe('the parent carries the combined error (errors §4, §15)', () => {
    const lines = { id: 7, lines: [{ sku: 'a' }, { sku: 'b' }, { sku: 'c' }] };
    const isC = (record: JsonValue) => (record as JsonRecord).sku === 'c';
    const someFail = () =>
      new FakeEffects({
        submit: ({ record }) => (isC(record) ? { statusCode: 200 } : { statusCode: 422, failures: [dataError] }),
      });
    const combined = {
      code: 'oneToMany_error',
      message: '2 of 3 children failed: [0] 422: no; [1] 422: no',
      source: 'application',
    };

    it('once, as a warning that counts nothing and can not be retried: each child can', async () => {
      const result = await run(compiled(parts('lines')), [lines], someFail());
      expect(result.failures.map(({ failure, warning }) => [failure.code, warning])).toEqual([
        ['422', undefined],
        ['422', undefined],
        ['oneToMany_error', true],
      ]);
      expect(result.failures[2]).toMatchObject({ index: 0, failure: combined, retryRecord: null });
      expect(result.counts).toEqual([{ stepId: first, success: 1, error: 2, ignore: 0 }]);
    });

    it('and goes on with it where failures proceed, as its children do with theirs', async () => {
      const proceeding = parts('lines', true);
      const [processor, next] = proceeding.processors ?? [];
      const fields = [{ extract: 'errors[0].code', generate: 'why' }];
      const result = await run(
        compiled({ ...proceeding, processors: [{ ...processor!, responseMapping: { fields } }, next!] }),
        [lines],
        someFail(),
      );
      expect(result.continuations[0]?.records[0]?.record).toEqual({
        id: 7,
        why: 'oneToMany_error',
        lines: [{ sku: 'a', why: '422' }, { sku: 'b', why: '422' }, { sku: 'c' }],
      });
    });

    it('names ten children at most', async () => {
      const many = { id: 7, lines: Array.from({ length: 12 }, () => ({ sku: 'x' })) };
      const result = await run(compiled(parts('lines')), [many], someFail());
      expect(result.failures.at(-1)?.failure.message).toMatch(/^12 of 12 children failed: .*; and 2 more$/);
    });
  });

  it('an object without a path fails, one whose path holds no array succeeds', async () => {
    expect((await run(compiled(parts(undefined)), [order])).failures).toMatchObject([
      { failure: { code: 'oneToMany_error' } },
    ]);
    const result = await run(compiled(parts('none')), [order]);
    expect(result.counts).toEqual([{ stepId: first, success: 1, error: 0, ignore: 0 }]);
    expect(result.continuations[0]?.records[0]?.record).toEqual(order);
  });

  it('array records: each element is a record without a parent', async () => {
    const effects = new FakeEffects();
    const result = await run(compiled(parts(undefined)), [[{ sku: 'a' }, { sku: 'b' }]], effects);
    expect(effects.submitted[0]?.records.map(({ record }) => record)).toEqual([{ sku: 'a' }, { sku: 'b' }]);
    expect(result.continuations[0]?.records[0]?.record).toEqual([
      { sku: 'a', lineId: 'id0' },
      { sku: 'b', lineId: 'id1' },
    ]);
  });
});
