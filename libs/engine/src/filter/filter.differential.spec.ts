import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JsonRecord, JsonValue } from '#model';
import { differentialRuns } from '../testing/differential.js';
import { naiveFilter } from '../testing/naive-filter.js';
import { compileFilter } from './index.js';

const texts = ['', 'a', 'ab', 'A', '1', '2', 'true', 'false', ' 7 ', '2024-02-28', '2024-02-28T23:30Z'];
const scalar = fc.oneof(
  fc.constantFrom<JsonValue>(...texts, null, true, false, 0, 1, 2, -1.5, 1_709_078_400_000),
  fc.string({ maxLength: 3 }),
  fc.integer({ min: -3, max: 3 }),
);
const anyValue = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 3 }),
  fc.dictionary(fc.constantFrom('x', 'y'), scalar),
  fc.array(fc.dictionary(fc.constantFrom('x', 'y'), scalar), { maxLength: 2 }),
);
const record = fc.dictionary(fc.constantFrom('a', 'b', 'c'), anyValue, { maxKeys: 3 });
const path = fc.constantFrom(
  'a',
  'b',
  'c',
  'toString',
  '__proto__',
  'a.x',
  'b[0]',
  'c.y',
  'a.x.y',
  '$.a',
  '$.b[1].x',
  "$['c']",
  'a[*].x',
  'b[*]',
  'a.[x]',
  '$.c[*].y',
  'constructor.name',
  '__proto__.x',
  'length',
  'a.length',
);
const settingPath = fc.constantFrom('flow.x', 'flow.a.b', 'flow.list', 'export.n', 'x', 'flow.toString', 'none.x');
const contextPath = fc.constantFrom('success', 'id', 'none', 'list');

const { rule } = fc.letrec<{ rule: unknown; operand: unknown }>((tie) => ({
  operand: fc.oneof(
    { depthSize: 'small' },
    scalar,
    path.map((p) => ['extract', p]),
    path.map((p) => ['extract', p]),
    settingPath.map((p) => ['settings', p]),
    contextPath.map((p) => ['context', p]),
    fc.tuple(fc.constantFrom('string', 'number', 'boolean', 'epochtime'), tie('operand')),
    fc.tuple(fc.constantFrom('lowercase', 'uppercase', 'ceiling', 'floor', 'abs'), tie('operand')),
  ),
  rule: fc.oneof(
    { depthSize: 'small' },
    fc.tuple(
      fc.constantFrom(
        'equals',
        'notequals',
        'greaterthan',
        'greaterthanequals',
        'lessthan',
        'lessthanequals',
        'startswith',
        'endswith',
        'contains',
        'doesnotcontain',
      ),
      tie('operand'),
      tie('operand'),
    ),
    fc.tuple(fc.constantFrom('empty', 'notempty', 'isempty', 'isnotempty'), tie('operand')),
    fc.tuple(
      fc.constant('anyof'),
      tie('operand'),
      fc.oneof(
        fc.array(scalar, { maxLength: 3 }),
        fc.array(tie('operand'), { minLength: 3, maxLength: 3 }),
        path.map((p) => ['extract', p]),
      ),
    ),
    fc.tuple(fc.constant('matches'), tie('operand'), fc.constantFrom('^a', 'b$', '[0-9]', '.', '^$', 'A|x')),
    fc.tuple(fc.constant('not'), tie('rule')),
    fc
      .array(fc.oneof({ weight: 5, arbitrary: tie('rule') }, { weight: 1, arbitrary: tie('operand') }), {
        minLength: 1,
        maxLength: 3,
      })
      .chain((terms) => fc.constantFrom(['and', ...terms], ['or', ...terms])),
  ),
}));

const settings = { flow: { x: 'a', 'a.b': 1, list: ['a', 1, null] }, export: { n: 2 } };
const context = { success: true, id: 7, list: ['a'] };

/** Records come from JSON.parse: ordinary prototypes, and `__proto__` an ordinary member. */
const asParsed = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

it(`filters agree with the naive interpreter in ${differentialRuns} random cases (runtime §10)`, () => {
  fc.assert(
    fc.property(rule, record.map(asParsed), (rules, value) => {
      const compiled = compileFilter(rules, { settings, source: 'output_filter' });
      if ('error' in compiled) throw new Error(compiled.error.message);
      expect(compiled.filter(value as JsonRecord, context)).toBe(
        naiveFilter(rules, { record: value, settings, context }),
      );
    }),
    { numRuns: differentialRuns },
  );
});
