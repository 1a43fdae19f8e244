import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JsonValue, Mapping2, MappingArrayHelper, MappingField2 } from '#model';
import { asParsed, compact, lookupName, lookups, recordOrRows } from '../testing/arbitraries.js';
import { runContext } from '../testing/contexts.js';
import { differentialRuns, expectSame } from '../testing/differential.js';
import { naiveMapper2 } from '../testing/naive-mapper2.js';
import { compileMapper2 } from './compile-mapping.js';

const generate = fc.constantFrom('p', 'q', 'r', 'a.b', 'length', 'toString', '7');
const status = fc.constantFrom(...(['Active', 'Active', 'Active', 'Draft'] as const));
const fallback = fc.option(fc.constantFrom<JsonValue>('d', '', null, '5', 'false', '{"k":1}'), { nil: undefined });
const when = fc.constantFrom(undefined, undefined, 'extract_not_empty' as const, 'record_created' as const);
const copySource = fc.constantFrom(undefined, undefined, undefined, 'no' as const, 'yes' as const, true, false);
const helperWhen = fc.constantFrom(undefined, undefined, 'extract_not_empty' as const);

/** Paths as seen from the record; within elements arrays have given way to one of them. */
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
  '$.grid',
];
const rowPaths = [
  '$',
  '$[0].id',
  '$[*].id',
  '$[1].tags',
  '$.__proto__.x',
  '$.constructor',
  '$.grid[*]',
  '$.grid[*][*]',
];
const inOrders = ['$.orders.id', '$.orders', '$.orders.items', '$.orders[*].id', '$.id', '$.tags', '$.orders[0].id'];
const inItems = ['$.orders.items.sku', '$.orders.items.serials', '$.orders.items', '$.orders[*].items[*].sku'];
const inRows = ['$.id', '$.o.a', '$.tags[*]', '$[*].id', '$'];
const others = ['literal', '5', '{{record.id}}', 'x{{record.name}}-{{record.o.a}}'];
const anywhere = [...rootPaths, ...rowPaths, ...others];

const scalarTypes = fc.constantFrom(...(['string', 'number', 'boolean'] as const));

const scalarField = (paths: readonly string[]): fc.Arbitrary<MappingField2> =>
  fc
    .record({
      generate,
      status,
      dataType: scalarTypes,
      extract: fc.constantFrom(...paths, undefined),
      hardCodedValue: fc.constantFrom<JsonValue | undefined>(undefined, undefined, undefined, '5', true),
      default: fallback,
      lookupName,
      when,
    })
    .map(({ when: condition, ...field }) => compact({ ...field, conditional: { when: condition } }) as MappingField2);

const dateField: fc.Arbitrary<MappingField2> = fc.record({
  generate,
  status,
  dataType: fc.constantFrom('string' as const, 'stringarray' as const),
  extract: fc.constantFrom('$.day', '$.days', '$.days[*]'),
  extractDateFormat: fc.constant('YYYY-MM-DD'),
  generateDateFormat: fc.constant('DD/MM/YYYY'),
});

const helper = (
  extract: fc.Arbitrary<string | undefined>,
  mappings: fc.Arbitrary<Mapping2 | undefined>,
): fc.Arbitrary<MappingArrayHelper> =>
  fc
    .record({
      extract,
      mappings,
      default: fc.option(fc.constantFrom<JsonValue>('d', null), { nil: undefined }),
      copySource,
      when: helperWhen,
    })
    .map(
      ({ when: condition, ...rest }) =>
        compact({
          ...rest,
          conditional: condition === undefined ? undefined : { when: condition },
        }) as MappingArrayHelper,
    );

const list = (field: fc.Arbitrary<MappingField2>) => fc.array(field, { minLength: 1, maxLength: 3 });

const arrayOf = (
  dataType: NonNullable<MappingField2['dataType']>,
  helpers: fc.Arbitrary<MappingArrayHelper>,
): fc.Arbitrary<MappingField2> =>
  fc
    .record({
      generate,
      status,
      dataType: fc.constant(dataType),
      default: fallback,
      when,
      buildArrayHelper: fc.array(helpers, { minLength: 1, maxLength: 3 }),
    })
    .map(({ when: condition, ...field }) => compact({ ...field, conditional: { when: condition } }) as MappingField2);

const path = (...paths: readonly (string | undefined)[]) => fc.constantFrom(...paths);
const none = fc.constant(undefined);

const inner = (paths: readonly string[]): fc.Arbitrary<MappingField2> =>
  fc.oneof(
    { weight: 3, arbitrary: scalarField(paths) },
    { weight: 1, arbitrary: arrayOf('stringarray', helper(path(...paths), none)) },
  );

const nestedItems = arrayOf(
  'objectarray',
  helper(
    path('$.orders.items[*]', '$.orders.items', '$.orders[*].items[*]'),
    list(scalarField([...inItems, ...inOrders])),
  ),
);

/** Inner arrays of `arrayarray` have no name. */
const nameless = (paths: readonly string[]) =>
  list(
    fc.record({
      status,
      dataType: fc.constantFrom('stringarray' as const, 'booleanarray' as const, 'arrayarray' as const),
      extract: path(...paths),
    }),
  );

const arrays: fc.Arbitrary<MappingField2> = fc.oneof(
  fc
    .record({
      generate,
      status,
      dataType: fc.constantFrom('stringarray' as const, 'booleanarray' as const, 'numberarray' as const),
      extract: path('$.tags', '$.tags[*]', '$.id', '$.none', '$.grid[*]', '5', '$.orders[*].id'),
      lookupName,
      default: fallback,
    })
    .map(compact),
  arrayOf('stringarray', helper(path(...anywhere), none)),
  arrayOf('arrayarray', helper(path('$.grid', '$.tags', '$.none', undefined), none)),
  arrayOf('arrayarray', helper(path('$.orders[*]', '$[*]', undefined), nameless([...inOrders, '$.grid']))),
  arrayOf(
    'objectarray',
    fc.oneof(
      helper(path(undefined, '$'), list(inner(anywhere))),
      helper(path('$.orders[*].items[*]', '$.orders.items[*]'), list(inner([...inItems, ...inOrders, ...others]))),
      helper(
        path('$.orders[*]', '$.orders', '$.none', '$.id'),
        list(fc.oneof(inner([...inOrders, ...others]), nestedItems)),
      ),
      helper(path('$[*]', '$[*].orders[*]'), list(inner([...inRows, ...inOrders]))),
      helper(path('$.grid[*]', '$.grid[*][*]'), list(inner(['$.grid', '$.id', '$.grid[*]']))),
      helper(path('$.orders[*].items[*]', '$.orders', '$.none', '$.tags', '$.orders[*]'), none),
      { weight: 1, arbitrary: helper(path('$[0]', '$.a,$.b', '$.a[*],$.b[*]'), none) },
    ),
  ),
);

const objects: fc.Arbitrary<MappingField2> = fc.oneof(
  fc
    .record({
      generate,
      status,
      dataType: fc.constant('object' as const),
      extract: path(undefined, '$.o', '$.none', '$.tags'),
      default: fallback,
      copySource,
      when,
      mappings: fc.array(fc.oneof(inner(anywhere), dateField), { minLength: 1, maxLength: 3 }),
    })
    .map(({ when: condition, ...field }) => compact({ ...field, conditional: { when: condition } }) as MappingField2),
  fc.record({
    generate,
    status,
    dataType: fc.constant('object' as const),
    extract: path('$.o', '$.o.b', '$.none', '{"k":1}'),
  }),
);

const mappings: fc.Arbitrary<Mapping2> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.array(fc.oneof({ weight: 3, arbitrary: scalarField(anywhere) }, arrays, objects, dateField), {
      maxLength: 5,
    }),
  },
  // A grouped output is one array without a name.
  {
    weight: 1,
    arbitrary: arrays.map((field) => [
      compact({ ...field, generate: undefined, status: 'Active' as const }) as MappingField2,
    ]),
  },
);

const settings = { flow: { region: 'eu' } };

it(`Mapper 2.0 agrees with the naive interpreter in ${differentialRuns} random cases (runtime §13, §14)`, () => {
  fc.assert(
    fc.property(mappings, recordOrRows, fc.boolean(), (fields, value, isEnvelope) => {
      const run = runContext();
      const entries = isEnvelope ? inEnvelope(fields) : fields;
      const compiled = compileMapper2(entries, {
        lookups,
        source: 'mapping',
        input: isEnvelope ? 'envelope' : 'record',
        scope: { settings, roots: {} },
        operation: 'create',
      });
      if ('error' in compiled) throw new Error(compiled.error.message);
      const before = asParsed(value);
      const actual = compiled.map(value, run);
      const envelope = { record: value, settings, job: run.job, testMode: run.testMode };
      let expected: JsonValue;
      try {
        expected = naiveMapper2(entries, isEnvelope ? envelope : value, lookups, isEnvelope ? ['record'] : []);
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

/** The same mapping of an envelope: `$` becomes `$.record`. */
function inEnvelope<T>(value: T): T {
  const text = JSON.stringify(value)
    .replaceAll(/"extract":"\$/g, '"extract":"$.record')
    .replaceAll(/,\$/g, ',$.record');
  return JSON.parse(text) as T;
}
