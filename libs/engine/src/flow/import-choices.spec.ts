import { describe, expect, it } from '@jest/globals';
import type { Import, JsonValue, Lookup, MappingField2, PageProcessor } from '#model';
import type { LookupAnswer } from '../mapping/index.js';
import { noFunctions, runContext } from '../testing/contexts.js';
import { compiled, FakeEffects, first, generator, planOf } from '../testing/flows.js';
import { compileFlow } from './compile-flow.js';
import { runPage } from './run-page.js';

const field = (generate: string, more: Partial<MappingField2>): MappingField2 => ({
  generate,
  dataType: 'string',
  status: 'Active',
  ...more,
});
const live = (name: string, more: Partial<Lookup> = {}): Lookup => ({ name, relativeURI: `/${name}`, ...more });
const found = (...matches: JsonValue[]): LookupAnswer => ({ matches });
const broken: LookupAnswer = { failure: { code: '503', message: 'down', source: 'lookup' } };

async function run(
  step: Partial<Import>,
  records: readonly JsonValue[],
  resolve: (name: string, record: JsonValue) => LookupAnswer = () => found(),
  processor: Partial<PageProcessor> = {},
) {
  const flow = compiled({
    imports: { [first]: { http: {}, ...step } },
    processors: [{ type: 'import', _importId: first, ...processor }],
  });
  const effects = new FakeEffects({ resolve: ({ lookup, record }) => resolve(lookup, record) }, noFunctions);
  const page = await runPage(
    flow,
    flow.program.entry,
    { generator, page: 0 },
    records.map((record, index) => ({ index, record })),
    runContext(),
    effects,
  );
  const sent = effects.submitted.flatMap((call) => call.records);
  return { page, effects, sent, mapped: sent.map(({ mapped }) => mapped), counts: page.counts[0] };
}

const asked = (effects: FakeEffects): string[][] =>
  effects.asked.map((round) => round.map(({ lookup, record }) => `${lookup} ${JSON.stringify(record)}`));

describe('dynamic lookups of mappings (runtime §14)', () => {
  it('asks once for a page, everything that its records need', async () => {
    const step = {
      lookups: [live('a'), live('b'), live('unused')],
      mappings: [
        field('x', { lookupName: 'a' }),
        field('y', { lookupName: 'b' }),
        field('z', { lookupName: 'unused', status: 'Draft' }),
      ],
    };
    const { effects, mapped } = await run(step, [{ id: 1 }, { id: 2 }], (name, record) =>
      found(`${name}${(record as { id: number }).id}`),
    );
    expect(mapped).toEqual([
      { x: 'a1', y: 'b1' },
      { x: 'a2', y: 'b2' },
    ]);
    expect(asked(effects)).toEqual([['a {"id":1}', 'b {"id":1}', 'a {"id":2}', 'b {"id":2}']]);
  });

  it('looks into the static map first, and asks for the others only', async () => {
    const step = {
      lookups: [live('state', { map: { tx: 'Texas' } })],
      mappings: [field('state', { extract: '$.st', lookupName: 'state' })],
    };
    const { effects, mapped } = await run(step, [{ st: 'tx' }, { st: 'ca' }], () => found('California'));
    expect(mapped).toEqual([{ state: 'Texas' }, { state: 'California' }]);
    expect(asked(effects)).toEqual([['state {"st":"ca"}']]);
  });

  it.each<[string, Partial<Lookup>, LookupAnswer, JsonValue | { readonly error: string }]>([
    ['one match', {}, found('k'), 'k'],
    ['a miss', {}, found(), { error: 'lookup_failed' }],
    ['an allowed miss', { allowFailures: true }, found(), null],
    ['an allowed miss with a default', { allowFailures: true, default: 'd' }, found(), 'd'],
    ['a failure', {}, broken, { error: '503' }],
    ['an allowed failure', { allowFailures: true, default: 'd' }, broken, 'd'],
    ['several matches', {}, found('k', 'l'), { error: 'lookup_failed' }],
    ['several matches with a default', { useDefaultOnMultipleMatches: true, default: 'd' }, found('k', 'l'), 'd'],
  ])('%s, and other records go on', async (_, lookup, answer, expected) => {
    const step = { lookups: [live('l', lookup)], mappings: [field('x', { lookupName: 'l' })] };
    const { mapped, page } = await run(step, [{ id: 1 }, { id: 2 }], (_name, record) =>
      (record as { id: number }).id === 1 ? answer : found('other'),
    );
    const fails = typeof expected === 'object' && expected !== null && 'error' in expected;
    expect(mapped).toEqual(fails ? [{ x: 'other' }] : [{ x: expected }, { x: 'other' }]);
    expect(page.failures).toMatchObject(
      fails ? [{ index: 0, failure: { code: expected.error, source: 'lookup' }, retryRecord: { id: 1 } }] : [],
    );
  });

  it('are values of templates of the request, where one reads them', async () => {
    const step: Partial<Import> = {
      lookups: [live('customer'), live('other')],
      http: { relativeURI: ['/c/{{lookup.customer}}'], body: ['{"n":"{{record.n}}"}'] },
    };
    const { effects, sent } = await run(step, [{ id: 1 }], () => found('k1'));
    expect(sent).toMatchObject([{ lookups: { customer: 'k1' } }]);
    expect(asked(effects)).toEqual([['customer {"id":1}']]);
  });

  it('are values of templates in extracts, Mapper 2.0 and 1.0 alike (handlebars §4)', async () => {
    const extract = '{{record.id}}:{{lookup.l}}{{lookup.none}}';
    for (const mapped of [
      { mappings: [{ generate: 'x', dataType: 'string' as const, status: 'Active' as const, extract }] },
      { mapping: { fields: [{ generate: 'x', extract: extract.replace('record.', '') }] } },
    ]) {
      const step = { lookups: [live('l'), live('unread')], ...mapped };
      const { effects, mapped: made } = await run(step, [{ id: 1, lookup: { l: 'own' } }], () => found('k1'));
      expect(made).toEqual([{ x: '1:k1' }]);
      expect(asked(effects)).toEqual([['l {"id":1,"lookup":{"l":"own"}}']]);
    }
  });

  it('in an extract fails the record that it finds nothing for, unless it allows that', async () => {
    const mappings = [field('x', { extract: '{{lookup.l}}!' })];
    const strict = await run({ lookups: [live('l')], mappings }, [{ id: 1 }], () => found());
    expect(strict.page.failures).toMatchObject([{ failure: { code: 'lookup_failed', source: 'lookup' } }]);
    const lenient = await run({ lookups: [live('l', { allowFailures: true, default: 'd' })], mappings }, [{}], () =>
      found(),
    );
    expect(lenient.mapped).toEqual([{ x: 'd!' }]);
  });

  it('asks for each child of oneToMany, which sees its parent (runtime §9.1)', async () => {
    const step = {
      oneToMany: true,
      pathToMany: 'lines',
      lookups: [live('sku')],
      mappings: [field('id', { lookupName: 'sku' })],
    };
    const { effects, mapped, page } = await run(step, [{ id: 7, lines: [{ sku: 'a' }, { sku: 'b' }] }], (_, record) =>
      (record as { sku: string }).sku === 'a' ? found('A') : found(),
    );
    expect(asked(effects)).toEqual([['sku {"sku":"a","_PARENT":{"id":7}}', 'sku {"sku":"b","_PARENT":{"id":7}}']]);
    expect(mapped).toEqual([{ id: 'A' }]);
    expect(page.failures).toMatchObject([
      { failure: { source: 'lookup' }, retryRecord: { id: 7, lines: [{ sku: 'b' }] } },
      { failure: { code: 'oneToMany_error', source: 'lookup' }, warning: true },
    ]);
  });

  it('leaves records untouched that a cancel kept from being asked about (decision 6)', async () => {
    const step = { lookups: [live('l')], mappings: [field('x', { lookupName: 'l' })] };
    const flow = compiled({ imports: { [first]: { http: {}, ...step } } });
    const effects = new FakeEffects({}, noFunctions);
    effects.resolveLookups = async (_step, _page, questions) => {
      effects.canceled = true;
      return questions.map(() => ({ failure: { code: 'canceled', message: 'canceled', source: 'internal' } }));
    };
    const records = [{ index: 0, record: {} }];
    const page = await runPage(flow, 0, { generator, page: 0 }, records, runContext(), effects);
    expect(page).toMatchObject({ interrupted: true, failures: [], counts: [{ success: 0, error: 0, ignore: 0 }] });
    expect(effects.submitted).toEqual([]);
  });
});

describe('records to skip (runtime §9.3)', () => {
  const records = [{ id: 1 }, { id: null }, { id: '' }, {}];

  it.each<[string, Partial<Import>, JsonValue[]]>([
    ['ignoreExisting', { ignoreExisting: true, http: { ignoreExtract: 'id' } }, records.slice(1)],
    ['ignoreMissing', { ignoreMissing: true, http: { ignoreExtract: 'id' } }, records.slice(0, 1)],
    [
      'ignoreExisting of a database import',
      { ignoreExisting: true, http: undefined, rdbms: { queryType: ['per_record'], ignoreExtract: 'id' } } as never,
      records.slice(1),
    ],
  ])('%s decides by a field of the record', async (_, step, expected) => {
    const { mapped, counts } = await run(step, records);
    expect(mapped).toEqual(expected);
    expect(counts).toMatchObject({ success: expected.length, ignore: 4 - expected.length, error: 0 });
  });

  it.each<[string, Partial<Lookup>, LookupAnswer, 'existing' | 'missing' | 'failed']>([
    ['nothing', {}, found(), 'missing'],
    ['one', {}, found('k'), 'existing'],
    ['several', {}, found('k', 'l'), 'existing'],
    ['nothing, and has a default', { allowFailures: true, default: 'd' }, found(), 'existing'],
    ['nothing, with failures allowed', { allowFailures: true }, found(), 'missing'],
    ['out that it is broken', {}, broken, 'failed'],
    ['out that it is broken, with failures allowed', { allowFailures: true }, broken, 'missing'],
  ])('a lookup that finds %s', async (_, lookup, answer, means) => {
    const lookups = [live('l', lookup)];
    const http = { ignoreLookupName: 'l' };
    const existing = await run({ ignoreExisting: true, lookups, http }, [{ id: 1 }], () => answer);
    const missing = await run({ ignoreMissing: true, lookups, http }, [{ id: 1 }], () => answer);
    expect(existing.sent).toHaveLength(means === 'missing' ? 1 : 0);
    expect(missing.sent).toHaveLength(means === 'existing' ? 1 : 0);
    expect(existing.page.failures).toHaveLength(means === 'failed' ? 1 : 0);
  });

  it('are not asked about any further, and their response says ignored', async () => {
    const step: Partial<Import> = {
      ignoreExisting: true,
      lookups: [live('exists'), live('value')],
      http: { ignoreLookupName: 'exists' },
      mappings: [field('x', { lookupName: 'value' })],
    };
    const responseMapping = { fields: [{ extract: 'ignored', generate: 'was' }] };
    const { effects, page } = await run(step, [{ id: 1 }], () => found('k'), { responseMapping });
    expect(asked(effects)).toEqual([['exists {"id":1}']]);
    expect(page.counts).toMatchObject([{ ignore: 1, success: 0, error: 0 }]);
  });

  it('need to be told apart: without a field or lookup the plan is refused', () => {
    expect(compileFlow(planOf({ imports: { [first]: { http: {}, ignoreExisting: true } } }))).toMatchObject({
      failures: [{ code: 'invalid_value', stepId: first }],
    });
  });
});

describe('composite imports (runtime §9.3)', () => {
  const mappings = [
    field('id', { extract: '$.id' }),
    field('made', { hardCodedValue: 'now', conditional: { when: 'record_created' } }),
    field('changed', { hardCodedValue: 'now', conditional: { when: 'record_updated' } }),
  ];
  const http = {
    requestType: ['UPDATE', 'CREATE'] as ('UPDATE' | 'CREATE')[],
    method: ['PUT', 'POST'] as ('PUT' | 'POST')[],
  };

  it('update records that have the field, create the others, and decide conditions of mappings per record', async () => {
    const step = { http: { ...http, existingExtract: 'known' }, mappings };
    const { sent } = await run(step, [{ id: 1 }, { id: 2, known: true }]);
    expect(sent).toMatchObject([
      { operation: 'create', mapped: { id: '1', made: 'now' } },
      { operation: 'update', mapped: { id: '2', changed: 'now' } },
    ]);
    expect(sent[0]?.mapped).not.toHaveProperty('changed');
  });

  it('leave out immutable fields of Mapper 1.0 when they update', async () => {
    const fields = [
      { extract: 'id', generate: 'id' },
      { extract: 'id', generate: 'key', immutable: true },
    ];
    const { mapped } = await run({ http: { ...http, existingExtract: 'known' }, mapping: { fields } }, [
      { id: 1 },
      { id: 2, known: 1 },
    ]);
    expect(mapped).toEqual([{ id: 1, key: 1 }, { id: 2 }]);
  });

  it('ask a lookup, then only what the chosen request needs', async () => {
    const step: Partial<Import> = {
      lookups: [live('exists'), live('forUpdate'), live('forCreate')],
      http: {
        ...http,
        existingLookupName: 'exists',
        relativeURI: ['/c/{{lookup.exists}}/{{lookup.forUpdate}}', '/c/{{lookup.forCreate}}'],
      },
    };
    const { effects, sent } = await run(step, [{ id: 1 }, { id: 2 }], (name, record) =>
      name === 'exists' && (record as { id: number }).id === 1 ? found() : found(name),
    );
    expect(sent).toMatchObject([
      { operation: 'create', lookups: { forCreate: 'forCreate' } },
      { operation: 'update', lookups: { exists: 'exists', forUpdate: 'forUpdate' } },
    ]);
    expect(asked(effects)).toEqual([
      ['exists {"id":1}', 'exists {"id":2}'],
      ['forCreate {"id":1}', 'forUpdate {"id":2}'],
    ]);
  });

  it('never create a record because the lookup is broken', async () => {
    const step = { lookups: [live('exists')], http: { ...http, existingLookupName: 'exists' } };
    const { sent, page } = await run(step, [{ id: 1 }], () => broken);
    expect(sent).toEqual([]);
    expect(page.failures).toMatchObject([{ failure: { code: '503', source: 'lookup' } }]);
  });

  it.each<[string, Partial<Import>]>([
    ['without a field or lookup', { http }],
    ['with a lookup that does not exist', { http: { ...http, existingLookupName: 'l' } }],
    [
      'with a lookup that has only a map',
      { http: { ...http, existingLookupName: 'l' }, lookups: [{ name: 'l', map: { a: 'b' } }] },
    ],
    ['with a malformed field', { http: { ...http, existingExtract: 'a[' } }],
  ])('are refused %s', (_, step) => {
    expect(compileFlow(planOf({ imports: { [first]: step } }))).toMatchObject({
      failures: [{ code: 'invalid_value' }],
    });
  });
});

describe('idLockTemplate (runtime §9.3)', () => {
  it('names records, rendered over what came into the step; those without a name share nothing', async () => {
    const step = { idLockTemplate: '{{record.id}}', mappings: [field('x', { extract: 'fixed' })] };
    const { sent } = await run(step, [{ id: 1 }, { id: 1 }, {}]);
    expect(sent.map(({ lockKey }) => lockKey)).toEqual(['1', '1', undefined]);
  });

  it('that cannot be rendered fails its record', async () => {
    const { sent, page } = await run({ idLockTemplate: '{{#each record.rows}}{{add "a" 1}}' }, [{ id: 1 }]);
    expect(sent).toEqual([]);
    expect(page.failures).toMatchObject([{ failure: { code: 'handlebars_template_parse_error' } }]);
  });
});

describe('dataURITemplate of an import (errors §2)', () => {
  it('links errors to the record; one that cannot be rendered is left out', async () => {
    const flow = compiled({
      imports: { [first]: { http: {}, dataURITemplate: 'https://crm.example/{{record.id}}' } },
    });
    const effects = new FakeEffects({ submit: () => ({ statusCode: 422 }) }, noFunctions);
    const records = [{ id: 1 }, {}].map((record, index) => ({ index, record }));
    const page = await runPage(flow, 0, { generator, page: 0 }, records, runContext(), effects);
    expect(page.failures.map(({ importDataURI }) => importDataURI)).toEqual(['https://crm.example/1', undefined]);
  });
});
