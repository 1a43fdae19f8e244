import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JsonValue, Mapping2, MappingField2 } from '#model';
import { runContext } from '../testing/contexts.js';
import { naiveMapper2 } from '../testing/naive-mapper2.js';
import { compileMapper2 } from './compile-mapping.js';

const scalar = fc.oneof(
  fc.constantFrom<JsonValue>('', 'x', '7', 'false', null, true, false, 0, 2.5),
  fc.string({ maxLength: 4 }),
);
const item = fc.record({ sku: scalar, serials: fc.array(scalar, { maxLength: 2 }) }, { requiredKeys: [] });
const record = fc.record(
  {
    id: scalar,
    name: scalar,
    o: fc.record({ a: scalar, b: fc.record({ c: scalar }, { requiredKeys: [] }) }, { requiredKeys: [] }),
    tags: fc.array(scalar, { maxLength: 3 }),
    orders: fc.oneof(
      fc.array(fc.record({ id: scalar, items: fc.array(item, { maxLength: 2 }) }, { requiredKeys: [] }), {
        maxLength: 2,
      }),
      scalar,
    ),
  },
  { requiredKeys: [] },
);

const generate = fc.constantFrom('p', 'q', 'r', 'a.b', 'length', 'toString', '7');
const status = fc.constantFrom('Active' as const, 'Active' as const, 'Active' as const, 'Draft' as const);
const fallback = fc.option(fc.constantFrom<JsonValue>('d', '', null), { nil: undefined });
const rootPaths = [
  '$.id',
  '$.name',
  '$.o.a',
  '$.o.b.c',
  '$.o',
  '$.tags',
  '$.tags[*]',
  '$.none',
  '$.toString',
  'literal',
  '$.orders',
];

const scalarField = (paths: readonly string[]): fc.Arbitrary<MappingField2> =>
  fc
    .record({
      generate,
      status,
      dataType: fc.constantFrom('string' as const, 'number' as const, 'boolean' as const),
      extract: fc.constantFrom(...paths.filter((path) => path !== 'literal'), 'literal'),
      default: fallback,
      when: fc.constantFrom(undefined, 'extract_not_empty' as const),
    })
    .map(({ when, ...field }) =>
      withoutMissing({ ...field, ...(when === undefined ? {} : { conditional: { when } }) }),
    );

/** `default: undefined` is no default, but a member of that name must not be there either. */
function withoutMissing(field: MappingField2): MappingField2 {
  const copy = { ...field };
  if (copy.default === undefined) delete copy.default;
  return copy;
}

const inItems = [
  '$.orders.items.sku',
  '$.orders.items.serials',
  '$.orders.items',
  '$.orders.id',
  '$.orders',
  '$.id',
  '$.o.b.c',
];
const inOrders = ['$.orders.id', '$.orders', '$.orders.items', '$.id', '$.tags'];

const nestedItems: fc.Arbitrary<MappingField2> = fc.record({
  generate,
  status,
  dataType: fc.constant('objectarray' as const),
  buildArrayHelper: fc.array(
    fc.record({
      extract: fc.constantFrom('$.orders.items[*]', '$.orders.items'),
      mappings: fc.array(scalarField(inItems), { minLength: 1, maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 1 },
  ),
});

const arrays: fc.Arbitrary<MappingField2> = fc.oneof(
  fc.record({
    generate,
    status,
    dataType: fc.constantFrom('stringarray' as const, 'booleanarray' as const),
    extract: fc.constantFrom('$.tags', '$.tags[*]', '$.id', '$.none'),
  }),
  fc.record({
    generate,
    status,
    dataType: fc.constant('objectarray' as const),
    buildArrayHelper: fc.array(
      fc.oneof(
        fc.record({ mappings: fc.array(scalarField(rootPaths), { minLength: 1, maxLength: 2 }) }),
        fc.record({
          extract: fc.constant('$.orders[*].items[*]'),
          mappings: fc.array(scalarField(inItems), { minLength: 1, maxLength: 4 }),
        }),
        fc.record({
          extract: fc.constant('$.orders[*]'),
          mappings: fc.array(fc.oneof(scalarField(inOrders), nestedItems), { minLength: 1, maxLength: 3 }),
        }),
        fc.record({ extract: fc.constantFrom('$.orders[*].items[*]', '$.orders', '$.none') }),
      ),
      { minLength: 1, maxLength: 3 },
    ),
  }),
);

const objects: fc.Arbitrary<MappingField2> = fc.oneof(
  fc.record({
    generate,
    status,
    dataType: fc.constant('object' as const),
    mappings: fc.array(scalarField(rootPaths), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    generate,
    status,
    dataType: fc.constant('object' as const),
    extract: fc.constantFrom('$.o', '$.o.b', '$.none'),
  }),
);

const mappings: fc.Arbitrary<Mapping2> = fc.array(
  fc.oneof({ weight: 3, arbitrary: scalarField(rootPaths) }, arrays, objects),
  { maxLength: 5 },
);

/** Records come from JSON.parse: ordinary prototypes. */
function asParsed<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

it('the generated code agrees with the naive interpreter in 2,000 random mappings', () => {
  fc.assert(
    fc.property(mappings, record.map(asParsed), (fields, value) => {
      const compiled = compileMapper2(fields, {
        lookups: [],
        source: 'mapping',
        input: 'record',
        scope: { settings: {}, roots: {} },
      });
      if ('error' in compiled) throw new Error(compiled.error.message);
      const before = asParsed(value);
      const actual = compiled.map(value, runContext());
      let expected: JsonValue;
      try {
        expected = naiveMapper2(fields, value);
      } catch {
        expect(actual).toMatchObject({ failure: { code: 'cast_failed' } });
        return;
      }
      expect(actual).toStrictEqual({ value: expected });
      expect(value).toStrictEqual(before);
    }),
    { numRuns: 2_000 },
  );
});
