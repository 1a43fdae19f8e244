import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JsonValue, Mapping1, Mapping1Field, Mapping1List } from '#model';
import { asParsed, compact, lookupName, lookups, recordOrRows } from '../testing/arbitraries.js';
import { runContext } from '../testing/contexts.js';
import { differentialRuns, expectSame } from '../testing/differential.js';
import { naiveMapper1 } from '../testing/naive-mapper1.js';
import { compileMapper1 } from './compile-mapping.js';

const target = fc.constantFrom(
  'p',
  'q',
  'r',
  'p.a',
  'p.b',
  'q.a.b',
  'r[0]',
  'r[1].x',
  'q[2]',
  'r.0.x',
  'r.k',
  '[x y].z',
  'toString',
);
const rootPaths = ['id', 'name', 'o.a', 'o.b.c', 'o', 'tags', 'tags[*]', 'orders[*].id', 'orders[*].items[*].sku'];
const otherPaths = ['none', 'toString', '__proto__.x', 'constructor', '$.id', '$.o.a', '*.id', '[0].id', 'grid[*][*]'];
const templates = ['{{id}}', 'x{{record.name}}-{{o.a}}'];
const anywhere = [...rootPaths, ...otherPaths, ...templates];
const dataType = fc.constantFrom(
  ...([undefined, undefined, 'string', 'number', 'boolean', 'json', 'numberarray', 'stringarray'] as const),
);
const conditional = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  fc.constantFrom(
    ...(['record_created', 'record_updated', 'extract_not_empty', 'ignore_if_set'] as const).map((when) => ({ when })),
  ),
  fc.record({
    when: fc.constantFrom('lookup_not_empty' as const, 'lookup_empty' as const),
    lookupName: fc.constantFrom('strict', 'lenient'),
  }),
);

const plainField = (paths: readonly string[], generate: fc.Arbitrary<string> = target): fc.Arbitrary<Mapping1Field> =>
  fc
    .record({
      generate,
      extract: fc.constantFrom(...paths, undefined),
      hardCodedValue: fc.constantFrom<JsonValue | undefined>(undefined, undefined, undefined, '5', true),
      dataType,
      default: fc.option(fc.constantFrom<JsonValue>('d', '', null, '5'), { nil: undefined }),
      discardIfEmpty: fc.constantFrom(undefined, undefined, true),
      immutable: fc.constantFrom(undefined, undefined, undefined, true),
      lookupName,
      conditional,
    })
    .map((field) => compact(field) as Mapping1Field);

const dateField: fc.Arbitrary<Mapping1Field> = fc.record({
  generate: target,
  extract: fc.constantFrom('day', 'days', 'days[*]'),
  dataType: fc.constantFrom('string' as const, 'stringarray' as const),
  extractDateFormat: fc.constant('YYYY-MM-DD'),
  generateDateFormat: fc.constant('DD/MM/YYYY'),
});

const subRecord = fc.record({
  generate: target,
  subRecordMapping: fc.record({
    jsonPath: fc.constantFrom('$', 'o', '$.o'),
    mapping: fc.record({ fields: fc.array(plainField(['a', 'b.c', 'id', '$.id', 'none']), { maxLength: 2 }) }),
  }),
}) as fc.Arbitrary<Mapping1Field>;

const field = (paths: readonly string[]): fc.Arbitrary<Mapping1Field> =>
  fc.oneof({ weight: 6, arbitrary: plainField(paths) }, dateField, subRecord);

const inOrder = ['id', 'items', 'items[*].sku', 'orders[*].id', '$.id', '$.orders.id'];
const inItem = ['sku', 'serials', 'orders[*].items[*].sku', '$.id', '$.orders.id'];
const fromRecord = ['orders[*].id', 'id', 'orders[*].items', 'name', 'none'];

const listOf = (jsonPath: readonly (string | undefined)[], paths: readonly string[]): fc.Arbitrary<Mapping1List> =>
  fc
    .record({
      generate: target,
      jsonPath: fc.constantFrom(...jsonPath),
      fields: fc.array(plainField(paths), { minLength: 1, maxLength: 3 }),
    })
    .map((list) => compact(list) as Mapping1List);

const lists = fc.oneof(
  listOf(['orders', '$.orders', 'orders[*]', '$.orders[*]'], inOrder),
  listOf(['orders[*].items', '$.orders[*].items[*]'], inItem),
  listOf(['*', '$', '$[*]'], ['id', 'o.a', '*.id', '$.id', 'tags[*]']),
  listOf(['none', 'id', 'tags', 'grid'], ['id', '0']),
  fc.record({
    generate: target,
    fields: fc
      .array(plainField(fromRecord), { maxLength: 2 })
      .map((fields) => [{ generate: 'first', extract: 'orders[*].items[*].sku' }, ...fields]),
  }),
  fc.record({
    generate: target,
    extract: fc.constant('orders[*]'),
    fields: fc.array(plainField(fromRecord), { minLength: 1, maxLength: 2 }),
  }),
);

const mapping: fc.Arbitrary<Mapping1> = fc.record(
  { fields: fc.array(field(anywhere), { maxLength: 5 }), lists: fc.array(lists, { maxLength: 2 }) },
  { requiredKeys: [] },
);

it(`Mapper 1.0 agrees with the naive interpreter in ${differentialRuns} random cases (runtime §12, §14)`, () => {
  fc.assert(
    fc.property(mapping, recordOrRows, fc.constantFrom('create', 'update'), (rules, value, operation) => {
      const compiled = compileMapper1(rules, {
        lookups,
        source: 'mapping',
        input: 'record',
        scope: { settings: {}, roots: {} },
        operation,
      });
      if ('error' in compiled) throw new Error(compiled.error.message);
      const before = asParsed(value);
      const actual = compiled.map(value, runContext());
      let expected: JsonValue;
      try {
        expected = naiveMapper1(rules, value, lookups, operation);
      } catch {
        expect('failure' in actual).toBe(true);
        return;
      }
      expectSame(actual, { value: expected });
      expectSame(value, before);
    }),
    { numRuns: differentialRuns },
  );
});
