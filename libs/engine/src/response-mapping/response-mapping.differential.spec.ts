import { it } from '@jest/globals';
import fc from 'fast-check';
import type { JsonRecord, ResponseMapping } from '#model';
import { asParsed, record, recordOrRows, scalar } from '../testing/arbitraries.js';
import { differentialRuns, expectSame } from '../testing/differential.js';
import { naiveResponseMapping } from '../testing/naive-response-mapping.js';
import { compileResponseMapping } from './index.js';

const found = fc.array(record, { maxLength: 3 });
const lookupAnswer = fc.record({ statusCode: fc.constant(200), data: found, errors: fc.constant([]) });
const importAnswer = fc.record(
  {
    statusCode: fc.constantFrom(200, 422),
    id: scalar,
    ignored: fc.boolean(),
    errors: fc.array(fc.record({ code: scalar, message: scalar }), { maxLength: 2 }),
    _json: fc.oneof(record, found, scalar),
    dataURI: scalar,
  },
  { requiredKeys: ['statusCode'] },
);

const paths = [
  'id',
  'statusCode',
  'data',
  'data[0].id',
  'data.0.id',
  'data[1].o.a',
  'data[0]',
  '_json',
  '_json.id',
  '_json[0].id',
  'errors[0].code',
  '$',
  '$.id',
  'sku',
  '',
  'data.length',
  '__proto__.x',
  'constructor',
  '_json.orders[0].items',
  'data[*].id',
  '_json.orders[*].id',
  '$.data[0].id',
  'data[0].[id]',
];
const columnPaths = [
  'data[*].id',
  'data[*].o.a',
  'data[*].orders[*].id',
  'data[*]',
  '_json.orders[*].id',
  '_json[*].id',
  '_json[*]',
  '_json[*].orders[*].id',
  'errors[*].code',
  '$.data[*].id',
  'id',
  'data[0].id',
  'data',
  'none[*].x',
  '',
  '$',
];
const target = fc.constantFrom('p', 'q', 'p.a', 'o.a', 'o', 'orders[0].x', 'tags[1]', 'r[2].x', 'toString', 'id', '');
const field = (from: readonly string[]) =>
  fc.record({ extract: fc.constantFrom(...from), generate: target }, { requiredKeys: ['extract'] });

const mapping = fc.record(
  {
    fields: fc.array(field(paths), { maxLength: 4 }),
    lists: fc.array(fc.record({ generate: target, fields: fc.array(field(columnPaths), { maxLength: 3 }) }), {
      maxLength: 2,
    }),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<ResponseMapping>;

it(`response mappings agree with the naive interpreter in ${differentialRuns} random cases (runtime §15)`, () => {
  fc.assert(
    fc.property(
      mapping,
      recordOrRows,
      fc.oneof(lookupAnswer, importAnswer).map((answer) => asParsed(answer) as JsonRecord),
      (rules, value, response) => {
        const compiled = compileResponseMapping(rules);
        if ('error' in compiled) throw new Error(compiled.error.message);
        const before = [asParsed(value), asParsed(response)];
        const actual = 'map' in compiled ? compiled.map(value, response) : value;
        expectSame(actual, naiveResponseMapping(rules, value, response));
        expectSame([value, response], before);
      },
    ),
    { numRuns: differentialRuns },
  );
});
