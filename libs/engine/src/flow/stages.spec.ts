import { describe, expect, it } from '@jest/globals';
import type { Export, Import, JsonValue } from '#model';
import type { ImportOutcome, PreparedRecord } from '../program.js';
import type { StageReport } from '../stages.js';
import { runContext } from '../testing/contexts.js';
import { compiled, FakeEffects, first, generator, lookupId, planOf } from '../testing/flows.js';
import { LocalFunctions, type LocalFunction } from '../testing/local-functions.js';
import { compileProcessors } from './compile-processors.js';
import { runPage } from './run-page.js';

const script = '5'.repeat(24);
const hook = (name: string) => ({ _scriptId: script, function: name });
const scripts = { [script]: { content: '', postResponseHookToProcessOnChildRecord: false } };

class WatchedEffects extends FakeEffects {
  readonly reports: StageReport[] = [];
  readonly watch = (report: StageReport): void => void this.reports.push(report);
}

/** What each stage of an import showed, and what was sent. */
async function watchedImport(
  target: Partial<Import>,
  records: readonly JsonValue[],
  functions: Readonly<Record<string, LocalFunction>> = {},
  submit: (record: PreparedRecord) => ImportOutcome = () => ({ statusCode: 200 }),
) {
  const flow = compiled({
    processors: [{ type: 'import', _importId: first }],
    imports: { [first]: target },
    scripts,
  });
  const effects = new WatchedEffects({ submit }, new LocalFunctions(functions));
  const page = records.map((record, index) => ({ index, record }));
  await runPage(flow, 0, { generator, page: 0 }, page, runContext(), effects);
  return effects.reports;
}

const idAsKey = [{ generate: 'key', dataType: 'string', extract: '$.id', status: 'Active' }] as Import['mappings'];

describe('the stages of an import (runtime §9.3, §21)', () => {
  it('show what each made of the records that came to it', async () => {
    const reports = await watchedImport(
      {
        filter: { type: 'expression', expression: { version: '1', rules: ['notequals', ['extract', 'id'], 'b'] } },
        hooks: { preMap: hook('double'), postMap: hook('refuseLast') },
        mappings: idAsKey,
      },
      [{ id: 'a' }, { id: 'b' }, { id: 'c' }],
      {
        double: ({ data }) => (data as { id: string }[]).map(({ id }) => ({ data: { id: id + id } })),
        refuseLast: ({ postMapData }) =>
          (postMapData as JsonValue[]).map((data, at) =>
            at === 1 ? { errors: [{ code: 'x', message: 'no' }] } : { data },
          ),
      },
    );
    const failed = { code: 'x', message: 'no', source: 'post_map_hook' };
    expect(reports.map(({ name, entries }) => ({ name, entries }))).toEqual([
      {
        name: 'inputFilter',
        entries: [
          { index: 0, input: { id: 'a' }, output: { id: 'a' } },
          { index: 1, input: { id: 'b' } },
          { index: 2, input: { id: 'c' }, output: { id: 'c' } },
        ],
      },
      {
        name: 'preMapHook',
        entries: [
          { index: 0, input: { id: 'a' }, output: { id: 'aa' } },
          { index: 2, input: { id: 'c' }, output: { id: 'cc' } },
        ],
      },
      {
        name: 'mapping',
        entries: [
          { index: 0, input: { id: 'aa' }, output: { key: 'aa' } },
          { index: 2, input: { id: 'cc' }, output: { key: 'cc' } },
        ],
      },
      {
        name: 'postMapHook',
        entries: [
          { index: 0, input: { key: 'aa' }, output: { key: 'aa' } },
          { index: 2, input: { key: 'cc' }, failures: [failed] },
        ],
      },
      {
        name: 'responseMap',
        entries: [
          { index: 0, input: { statusCode: 200, ignored: false, errors: [] }, output: { id: 'a' } },
          { index: 1, input: { statusCode: 200, ignored: true, errors: [] }, output: { id: 'b' } },
          { index: 2, input: { statusCode: 422, errors: [failed] }, failures: [failed] },
        ],
      },
    ]);
  });

  it('show children one by one, under the index of their record', async () => {
    const reports = await watchedImport({ oneToMany: true, pathToMany: 'lines', mappings: idAsKey }, [
      { id: 'o', lines: [{ id: 1 }, { id: 2 }] },
    ]);
    const mapping = reports.find(({ name }) => name === 'mapping');
    expect(mapping?.entries.map(({ index, output }) => ({ index, output }))).toEqual([
      { index: 0, output: { key: '1' } },
      { index: 0, output: { key: '2' } },
    ]);
  });

  it('show the answer of the application as hooks leave it', async () => {
    const reports = await watchedImport(
      { hooks: { postSubmit: hook('forgive') } },
      [{ id: 'a' }],
      {
        forgive: ({ responseData }) =>
          (responseData as object[]).map((one) => ({ ...one, statusCode: 200, errors: [] })),
      },
      () => ({ statusCode: 422, failures: [{ code: '422', message: 'no', source: 'application' }] }),
    );
    expect(reports.at(-1)).toMatchObject({ name: 'responseMap', entries: [{ index: 0, input: { statusCode: 200 } }] });
  });
});

describe('the stages of a page generator (runtime §7, §21)', () => {
  const shaping: Partial<Export> = {
    transform: {
      type: 'expression',
      expression: { version: '1', rules: [[{ extract: 'id', generate: 'key' }]] },
    },
    filter: { type: 'expression', expression: { version: '1', rules: ['notequals', ['extract', 'key'], 2] } },
  };

  it('show transform, output filter and preSavePage, and give the page that a run would', async () => {
    const flow = compiled({
      source: { ...shaping, hooks: { preSavePage: hook('keepFirst') } },
      processors: [{ type: 'import', _importId: first }],
      imports: { [first]: {} },
      scripts,
    });
    const functions = new LocalFunctions({
      keepFirst: ({ data }) => ({ data: (data as JsonValue[]).slice(0, 1), errors: [] }),
    });
    const reports: StageReport[] = [];
    const records = [{ id: 1 }, { id: 2 }, { id: 3 }];
    const source = flow.generators.get(generator)!;
    const page = { index: 0, records };
    const watched = await source.shape(page, runContext(), functions, (report) => void reports.push(report));
    expect(watched).toEqual(await source.shape(page, runContext(), functions));
    expect(reports.map(({ name, entries }) => [name, entries.map(({ output }) => output)])).toEqual([
      ['transform', [{ key: 1 }, { key: 2 }, { key: 3 }]],
      ['outputFilter', [{ key: 1 }, undefined, { key: 3 }]],
      ['preSavePageHook', [{ key: 1 }, undefined]],
    ]);
  });
});

describe('a step by itself', () => {
  const plan = (target: Partial<Import>) => ({
    flow: { _id: 'f'.repeat(24), name: 'F', pageProcessors: [{ type: 'import' as const, _importId: first }] },
    exports: {},
    imports: { [first]: { _id: first, name: 'I', ...target } as Import & { _id: string } },
    connections: {},
    settings: {},
  });
  const page = { generator: first, page: 0 };

  it('runs without a generator when it is an import', async () => {
    const flow = compileProcessors(plan({ mappings: idAsKey }));
    if ('failures' in flow) throw new Error(JSON.stringify(flow.failures));
    expect(flow.stepIds).toEqual([first]);
    const effects = new WatchedEffects({}, new LocalFunctions({}));
    await runPage(flow, 0, page, [{ index: 0, record: { id: 7 } }], runContext(), effects);
    expect(effects.submitted[0]?.records[0]?.mapped).toEqual({ key: '7' });
  });

  it('runs without a generator when it is a lookup', async () => {
    const flow = compileProcessors(
      planOf({ flow: { pageGenerators: [] }, processors: [{ type: 'export', _exportId: lookupId }] }),
    );
    if ('failures' in flow) throw new Error(JSON.stringify(flow.failures));
    const lookup = ({ record }: { readonly record: JsonValue }) => ({ statusCode: 200, data: [record] });
    const effects = new WatchedEffects({ lookup }, new LocalFunctions({}));
    await runPage(flow, 0, page, [{ index: 0, record: { id: 7 } }], runContext(), effects);
    expect(effects.reports.at(-1)).toEqual({
      stepId: lookupId,
      name: 'responseMap',
      entries: [{ index: 0, input: { statusCode: 200, data: [{ id: 7 }], errors: [] }, output: { id: 7 } }],
    });
  });

  it('is refused with every reason', () => {
    const flow = compileProcessors(
      plan({ oneToMany: true, pathToMany: 'a[', hooks: { preMap: { _stackId: script } } }),
    );
    expect(flow).toMatchObject({ failures: [{ stepId: first }, { stepId: first }] });
  });
});
