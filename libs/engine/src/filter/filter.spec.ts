import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JsonValue } from '#model';
import { naiveFilter } from '../testing/naive-filter.js';
import { compileFilter } from './index.js';

const settings = { flow: { x: 'eu', 'a.b': 1 }, import: { limit: 5 } };
const compile = (rules: unknown) => compileFilter(rules, { settings, source: 'output_filter' });
const passes = (rules: unknown, record: JsonValue = {}, context?: JsonValue) => {
  const compiled = compile(rules);
  if ('error' in compiled) throw new Error(compiled.error.message);
  return compiled.filter(record, context);
};

describe('expression filters (runtime §10)', () => {
  const record = {
    id: 7,
    t: '7',
    name: 'Ana',
    tags: ['a', 'b'],
    empty: [],
    none: null,
    blank: '',
    zero: 0,
    no: false,
    when: '2024-02-28T23:30:00Z',
    o: { x: { y: 1.5 } },
  };
  it.each<[unknown, boolean]>([
    [undefined, true],
    [[], true],
    [['equals', ['extract', 'id'], 7], true],
    [['equals', ['extract', 'id'], '7'], false],
    [['equals', ['extract', 't'], 7], false],
    [['equals', ['number', ['extract', 't']], 7], true],
    [['equals', ['string', ['extract', 'id']], '7'], true],
    [['equals', ['extract', 'name'], 'ana'], false],
    [['equals', ['lowercase', ['extract', 'name']], 'ana'], true],
    [['equals', ['uppercase', ['extract', 'name']], 'ANA'], true],
    [['equals', ['extract', 'none'], null], true],
    [['equals', ['extract', 'tags'], ['extract', 'tags']], true],
    [['notequals', ['extract', 'id'], '7'], true],
    [['notequals', ['extract', 'id'], 7], false],
    [['greaterthan', ['extract', 'id'], 6], true],
    [['greaterthan', ['extract', 'id'], '6'], false],
    [['greaterthanequals', ['extract', 'id'], 7], true],
    [['lessthan', ['extract', 'name'], 'B'], true],
    [['lessthanequals', ['extract', 'zero'], 0], true],
    [['startswith', ['extract', 'name'], 'An'], true],
    [['endswith', ['extract', 'name'], 'na'], true],
    [['contains', ['extract', 'name'], 'n'], true],
    [['contains', ['extract', 'tags'], 'b'], true],
    [['doesnotcontain', ['extract', 'name'], 'x'], true],
    [['matches', ['extract', 'name'], '^A.a$'], true],
    [['matches', ['extract', 'id'], '7'], false],
    [['anyof', ['extract', 'name'], ['Bo', 'Ana']], true],
    [['anyof', ['extract', 'id'], ['7']], false],
    [['anyof', ['extract', 'name'], ['extract', 'tags']], false],
    [['empty', ['extract', 'empty']], true],
    [['isempty', ['extract', 'blank']], true],
    [['empty', ['extract', 'missing']], true],
    [['empty', ['extract', 'zero']], false],
    [['notempty', ['extract', 'no']], true],
    [['isnotempty', ['extract', 'missing']], false],
    [['and', ['equals', 1, 1], ['equals', 2, 2], ['equals', 3, 3]], true],
    [['or', ['equals', 1, 2], ['equals', 2, 2]], true],
    [['not', ['equals', 1, 2]], true],
    [['equals', ['epochtime', ['extract', 'when']], Date.UTC(2024, 1, 28, 23, 30)], true],
    [['greaterthan', ['epochtime', ['extract', 'when']], ['epochtime', '2024-02-28']], true],
    [['equals', ['ceiling', ['extract', 'o.x.y']], 2], true],
    [['equals', ['floor', ['extract', 'o.x.y']], 1], true],
    [['equals', ['abs', -3], 3], true],
    [['equals', ['boolean', ['extract', 'no']], false], true],
    [['equals', ['settings', 'flow.x'], 'eu'], true],
    [['equals', ['settings', 'flow.a.b'], 1], true],
    [['equals', ['settings', 'x'], 'eu'], false],
    [['equals', ['settings', 'import.limit'], 5], true],
    // only a strict true passes
    [['extract', 'id'], false],
    [['string', 'true'], false],
  ])('%j is %s', (rules, result) => {
    expect(passes(rules, record)).toBe(result);
  });

  it.each([
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
  ])('%s of a missing field is false', (operator) => {
    expect(passes([operator, ['extract', 'missing'], 'x'])).toBe(false);
    expect(passes([operator, ['extract', 'missing'], ['extract', 'missing']])).toBe(false);
  });

  it('a bare context never matches; a cast takes its value out', () => {
    const context = { success: true };
    expect(passes(['equals', ['context', 'success'], true], {}, context)).toBe(false);
    expect(passes(['equals', ['boolean', ['context', 'success']], true], {}, context)).toBe(true);
    expect(passes(['equals', ['boolean', ['context', 'none']], true], {}, context)).toBe(false);
  });

  it('reaches no prototype', () => {
    expect(passes(['notempty', ['extract', 'constructor']])).toBe(false);
    expect(passes(['equals', ['extract', '__proto__.constructor.name'], 'Object'])).toBe(false);
  });
});

describe('malformed rules', () => {
  it.each<[unknown, string]>([
    ['equals', 'must be an array'],
    [{}, 'must be an array'],
    [['like', ['extract', 'a'], 'b'], '"like" is not known'],
    [['constructor', 1], '"constructor" is not known'],
    [['equals', 1], 'two operands'],
    [['not'], 'one operand'],
    [['and'], 'at least one'],
    [[1, 2], 'name of an operator'],
    [['equals', ['extract', 'a['], 1], 'malformed'],
    [['equals', ['extract'], 1], 'one path'],
    [['equals', ['extract', 'a'], { b: 1 }], 'must not be an object'],
    [['matches', ['extract', 'a'], '('], 'malformed'],
    [['matches', ['extract', 'a'], 'a(?=b)'], 'look-ahead'],
    [Array.from({ length: 100 }).reduce<unknown>((inner) => ['not', inner], true), 'nested'],
  ])('%j is a compile error', (rules, message) => {
    expect(compile(rules)).toMatchObject({
      error: { code: 'invalid_value', message: expect.stringContaining(message) },
    });
  });

  it('a malformed pattern of a record, or a text too long for it, is the failure of the record', () => {
    const rules = ['matches', ['extract', 'a'], ['extract', 'p']];
    expect(passes(rules, { a: 'x', p: '(' })).toMatchObject({ code: 'filter_failed', source: 'output_filter' });
    expect(passes(rules, { a: 'x'.repeat(100_001), p: '(x?){200}$' })).toMatchObject({ code: 'filter_failed' });
    expect(passes(rules, { a: `${'x'.repeat(100_001)}!`, p: '(x+x+)+y' })).toBe(false);
    expect(passes(rules, { a: 'x', p: 'x' })).toBe(true);
  });
});

describe('the compiler agrees with the naive interpreter', () => {
  const scalar = fc.oneof(
    fc.constantFrom<JsonValue>('', 'a', 'ab', 'A', '1', '2', 'true', 'false', null, true, false, 0, 1, 2, -1.5),
    fc.string({ maxLength: 3 }),
    fc.integer({ min: -3, max: 3 }),
  );
  const fieldName = fc.constantFrom('a', 'b', 'c', 'toString', '__proto__');
  const anyValue = fc.oneof(
    scalar,
    fc.array(scalar, { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('x', 'y'), scalar),
  );
  const record = fc.dictionary(fc.constantFrom('a', 'b', 'c'), anyValue, { maxKeys: 3 });
  const path = fc.oneof(fieldName, fc.constantFrom('a.x', 'b[0]', 'c.y', 'a.x.y'));
  const { rule } = fc.letrec<{ rule: unknown; operand: unknown }>((tie) => ({
    operand: fc.oneof(
      { depthSize: 'small' },
      scalar,
      path.map((p) => ['extract', p]),
      path.map((p) => ['extract', p]),
      fc.tuple(
        fc.constantFrom('string', 'number', 'boolean', 'lowercase', 'uppercase', 'ceiling', 'floor', 'abs'),
        tie('operand'),
      ),
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
      fc.tuple(fc.constant('anyof'), tie('operand'), fc.array(scalar, { maxLength: 3 })),
      fc.tuple(fc.constant('matches'), tie('operand'), fc.constantFrom('^a', 'b$', '[0-9]', '.')),
      fc.tuple(fc.constant('not'), tie('rule')),
      fc
        .array(tie('rule'), { minLength: 1, maxLength: 3 })
        .chain((terms) => fc.constantFrom(['and', ...terms], ['or', ...terms])),
    ),
  }));

  it('in 2,000 random cases', () => {
    fc.assert(
      fc.property(rule, record, (rules, value) => {
        expect(passes(rules, value as JsonValue)).toBe(naiveFilter(rules, value));
      }),
      { numRuns: 2_000 },
    );
  });
});
