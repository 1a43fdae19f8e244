import { describe, expect, it } from '@jest/globals';
import type { Import, PageProcessor } from '#model';
import { runContext } from '../testing/contexts.js';
import { compiled, FakeEffects, first, generator, lookupId, second, type PlanParts } from '../testing/flows.js';
import { isPlainSuccess, plainImportAt } from './plain-import.js';
import { runPage } from './run-page.js';

const field = (generate: string, extract: string) => ({ generate, extract, dataType: 'string', status: 'Active' });
const mappings = [field('name', '$.name'), field('city', '$.address.city')] as NonNullable<Import['mappings']>;
const adults = {
  type: 'expression' as const,
  expression: { version: '1' as const, rules: ['greaterthan', ['number', ['extract', 'age']], 17] },
};
const step: PageProcessor = { type: 'import', _importId: first };
const script = { _scriptId: '5'.repeat(24), function: 'f' };
const scripts = {
  [script._scriptId]: { content: 'const f = () => [];', postResponseHookToProcessOnChildRecord: false },
};
const people = [
  { name: 'Ann', age: 30, address: { city: 'Oslo' } },
  { name: 'Bob', age: 3, address: { city: 'Rome' } },
  { name: 'Cem', age: 44 },
].map((record, at) => ({ index: at * 2, record }));

describe('an import is plain', () => {
  it.each<[string, PlanParts]>([
    ['that sends records as they are', {}],
    ['that filters and maps', { imports: { [first]: { mappings, filter: adults } } }],
    [
      'whose response is mapped onto records that nobody sees again',
      { processors: [{ ...step, responseMapping: { fields: [{ extract: 'id', generate: 'id' }] } }] },
    ],
  ])('%s: it prepares what a page program submits', async (_what, parts) => {
    const flow = compiled(parts);
    const effects = new FakeEffects();
    const ran = await runPage(flow, 0, { generator, page: 0 }, people, runContext(), effects);
    const page = plainImportAt(flow, 0)!.prepare(people, runContext())!;
    expect(page.prepared).toEqual(effects.submitted[0]?.records);
    expect(ran.counts).toEqual([{ stepId: first, success: page.prepared.length, error: 0, ignore: page.ignored }]);
  });

  it.each<[string, PlanParts]>([
    [
      'before another step',
      { processors: [step, { type: 'import', _importId: second }], imports: { [first]: {}, [second]: {} } },
    ],
    ['behind a lookup, at the lookup', { processors: [{ type: 'export', _exportId: lookupId }, step] }],
    ['with children', { imports: { [first]: { oneToMany: true, pathToMany: 'lines' } } }],
    ['with a lock', { imports: { [first]: { idLockTemplate: '{{record.name}}' } } }],
    ['with preMap', { imports: { [first]: { hooks: { preMap: script } } }, scripts }],
    ['with postMap', { imports: { [first]: { hooks: { postMap: script } } }, scripts }],
    ['with postSubmit', { imports: { [first]: { hooks: { postSubmit: script } } }, scripts }],
    ['with postResponseMap', { processors: [{ ...step, hooks: { postResponseMap: script } }], scripts }],
    ['with a filter that is a script', { imports: { [first]: { filter: { type: 'script', script } } }, scripts }],
  ])('but not %s', (_what, parts) => {
    expect(plainImportAt(compiled(parts), 0)).toBeNull();
  });

  it('a record that fails sends its page the ordinary way', () => {
    const flow = compiled({ imports: { [first]: { mappings: [{ ...mappings[0]!, dataType: 'number' }] as never } } });
    const plain = plainImportAt(flow, 0)!;
    expect(plain.prepare([{ index: 0, record: { name: '7' } }], runContext())?.prepared).toHaveLength(1);
    expect(plain.prepare([{ index: 0, record: { name: 'seven' } }], runContext())).toBeNull();
  });

  it('a record that wants a dynamic lookup does, too', () => {
    const asking = [{ ...mappings[0]!, lookupName: 'crm' }] as NonNullable<Import['mappings']>;
    const lookups = [{ name: 'crm', relativeURI: '/crm' }] as NonNullable<Import['lookups']>;
    const flow = compiled({ imports: { [first]: { http: {}, mappings: asking, lookups } } });
    expect(plainImportAt(flow, 0)!.prepare(people, runContext())).toBeNull();
  });
});

it.each([
  ['accepted', { statusCode: 200 }, true],
  ['accepted, with an answer', { statusCode: 201, id: '7', _json: { ok: true } }, true],
  ['ignored', { statusCode: 200, ignored: true }, false],
  ['refused without a reason', { statusCode: 422 }, false],
  [
    'accepted with a warning',
    { statusCode: 200, warnings: [{ code: 'w', message: 'w', source: 'application' }] },
    false,
  ],
] as const)('an outcome: %s', (_what, outcome, expected) => {
  expect(isPlainSuccess(outcome)).toBe(expected);
});
