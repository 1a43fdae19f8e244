import { describe, expect, it } from '@jest/globals';
import type { JsonValue } from '#model';
import { compileFilter } from './index.js';

const settings = { flow: { x: 'eu', 'a.b': 1, tags: ['a', 'b'], names: ['Ana'] }, import: { limit: 5 } };
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
    rows: [{ a: 1 }, { a: 2 }],
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
    [['equals', ['extract', 'tags'], ['settings', 'flow.tags']], true],
    [['anyof', ['extract', 'name'], ['settings', 'flow.names']], true],
    [['anyof', ['extract', 'id'], [['number', '7'], 8]], true],
    [['equals', ['extract', '$.o.x.y'], 1.5], true],
    [['equals', ['extract', "$['o']['x']['y']"], 1.5], true],
    [['equals', ['extract', '$.tags[-1]'], 'b'], true],
    [['contains', ['extract', 'rows[*].a'], 2], true],
    [['notequals', ['extract', 'none'], 'x'], true],
    [['doesnotcontain', ['extract', 'id'], 'x'], true],
    [['greaterthan', ['extract', 'none'], -1], false],
    [['lessthan', ['extract', 'no'], 1], false],
    [['matches', ['string', ['extract', 'id']], '^7$'], true],
    [['matches', ['extract', 'name'], 'na'], true],
    [['equals', ['string', ['extract', 'none']], ''], true],
    [['equals', ['string', ['extract', 'tags']], '["a","b"]'], true],
    [['equals', ['number', ['extract', 'blank']], 0], false],
    [['equals', ['number', ['extract', 'no']], 0], true],
    [['equals', ['boolean', '0'], false], true],
    [['equals', ['boolean', 'yes'], true], false],
    [['equals', ['epochtime', 1_000], 1_000], true],
    [['equals', ['epochtime', '2024-02-28T23:30:00+01:00'], Date.UTC(2024, 1, 28, 22, 30)], true],
    [['equals', ['epochtime', '28 Feb 2024 23:30:00 GMT'], Date.UTC(2024, 1, 28, 23, 30)], true],
    [['equals', ['epochtime', 'never'], 0], false],
    [['equals', ['lowercase', ['extract', 'id']], 7], false],
    [['not', ['extract', 'id']], true],
    [['not', ['equals', ['extract', 'missing'], 1]], true],
    [['or', ['and', ['equals', 1, 1], ['not', ['equals', 1, 1]]], ['equals', ['extract', 'id'], 7]], true],
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
    expect(passes(['equals', ['string', ['context', 'wrapped.id']], '7'], {}, { wrapped: { id: 7 } })).toBe(true);
  });

  it.each<[unknown]>([
    [['context', 'success']],
    [['notequals', ['context', 'success'], 'x']],
    [['doesnotcontain', ['context', 'success'], 'x']],
    [['notempty', ['context', 'success']]],
    [['empty', ['context', 'none']]],
    [['anyof', ['context', 'success'], [true]]],
    [['equals', ['context', 'success'], ['context', 'success']]],
    [['and', ['context', 'success']]],
  ])('a bare context: %j is false', (rules) => {
    expect(passes(rules, {}, { success: true })).toBe(false);
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
    [['empty', ['extract', 'a'], 1], 'one operand'],
    [['equals', ['extract', '$.a['], 1], 'malformed'],
    [['or', ...Array.from({ length: 20_001 }, () => ['equals', 1, 1])], 'parts at most'],
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
