import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JsonValue, MappingField2, TransformExpression } from '#model';
import { asParsed, compact, lookupName, lookups, recordOrRows } from '../testing/arbitraries.js';
import { runContext } from '../testing/contexts.js';
import { differentialRuns, expectSame } from '../testing/differential.js';
import { naiveTransform } from '../testing/naive-transform.js';
import { compileTransform } from './index.js';

const rule = fc.record(
  {
    extract: fc.constantFrom(
      'id',
      'o.a',
      '/o/b/c',
      '/id',
      '*.id',
      '*.[id]',
      'tags[0]',
      'tags',
      'orders[*].id',
      'none',
      '$.id',
      '',
      'orders[*].items[*].sku',
      '{{id}}',
      '__proto__.x',
      'constructor',
      'grid[*][*]',
      '[0].id',
    ),
    generate: fc.constantFrom('p', 'q', 'p.a', 'p.b.c', 'r[0]', 'r[1].x', 'toString', ''),
  },
  { requiredKeys: ['extract'] },
);
const column = fc.record({
  extract: fc.constantFrom('orders[*].id', 'orders[*].items', 'id', '{{id}}', 'none'),
  generate: fc.constantFrom('list[*].a', 'list[*].b.c', 'p.list[*].a'),
});
/** A list needs a rule that says which array it reads; the first of its rules does here. */
const columns = fc
  .array(column, { maxLength: 3 })
  .map((rest) =>
    ['list', 'p.list'].map((name) => ({ extract: 'orders[*].id', generate: `${name}[*].k` })).concat(rest),
  );
const rules = fc.tuple(
  fc.array(rule, { maxLength: 4 }),
  fc.oneof(fc.constant<{ extract: string; generate: string }[]>([]), columns),
);

const generate = fc.constantFrom('id', 'o', 'p', 'tags', 'orders', 'toString');
const field = (extracts: readonly string[]): fc.Arbitrary<MappingField2> =>
  fc
    .record({
      generate,
      status: fc.constantFrom(...(['Active', 'Active', 'Draft'] as const)),
      dataType: fc.constantFrom(...(['string', 'number', 'boolean', 'object', 'stringarray'] as const)),
      extract: fc.constantFrom(...extracts),
      default: fc.option(fc.constantFrom<JsonValue>('d', '5', null), { nil: undefined }),
      lookupName,
    })
    .map((entry) => compact(entry) as MappingField2);
const extracts = ['$.id', '$.o', '$.o.a', '$.tags', '$.none', 'literal', '{{record.id}}', '$.day'];
const nested = fc.record({
  generate,
  status: fc.constant('Active' as const),
  dataType: fc.constant('object' as const),
  mappings: fc.array(field(extracts), { minLength: 1, maxLength: 2 }),
});

const transform: fc.Arbitrary<TransformExpression> = fc.oneof(
  rules.map((groups) => ({ type: 'expression' as const, expression: { version: '1' as const, rules: groups } })),
  fc
    .record({
      mode: fc.constantFrom('create' as const, 'modify' as const),
      inputContext: fc.constantFrom('record' as const, 'envelope' as const),
      mappings: fc.array(fc.oneof(field(extracts), nested), { maxLength: 4 }),
    })
    .map((two) => ({
      type: 'expression' as const,
      expression: {
        version: '2' as const,
        rulesTwoDotZero: {
          ...(two.inputContext === 'record'
            ? two
            : (JSON.parse(JSON.stringify(two).replaceAll('"$.', '"$.record.')) as typeof two)),
          lookups: [...lookups],
        },
      },
    })),
);

it(`transforms agree with the naive interpreter in ${differentialRuns} random cases (runtime §11)`, () => {
  fc.assert(
    fc.property(transform, recordOrRows, (expression, value) => {
      const run = runContext();
      const settings = { flow: { region: 'eu' } };
      const compiled = compileTransform(expression, { settings, roots: {} });
      if ('error' in compiled) throw new Error(compiled.error.message);
      if ('script' in compiled) throw new Error('No script was generated.');
      const before = asParsed(value);
      const actual = 'identity' in compiled ? { value } : compiled.map(value, run);
      let expected: JsonValue;
      try {
        const envelope = { record: value, settings, job: run.job, testMode: run.testMode };
        expected = naiveTransform(expression, value, envelope);
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
