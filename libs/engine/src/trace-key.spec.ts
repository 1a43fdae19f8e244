import { describe, expect, it } from '@jest/globals';
import type { JsonValue } from '#model';
import { runContext } from './testing/contexts.js';
import { compileTraceKey, pickTraceKey } from './trace-key.js';

describe('picked trace keys (errors §10)', () => {
  it.each<[JsonValue, string]>([
    [{ name: 'x', id: 5 }, '5'],
    [{ _id: 'abc', orderId: 'o1' }, 'abc'],
    [{ name: 'x', orderId: 'o1' }, 'o1'],
    [{ order_id: 'o2' }, 'o2'],
    [{ internalID: 'i' }, 'i'],
    [{ id: '', orderId: 'o1' }, 'o1'],
    [{ id: { nested: 1 }, orderId: 'o1' }, 'o1'],
    [[{ id: 1 }, { id: 2 }], '1'],
    [{ paid: 'yes', valid: true }, ''],
    [{}, ''],
    ['text', ''],
    [null, ''],
  ])('%j is named %j', (record, key) => {
    expect(pickTraceKey(record)).toBe(key);
  });

  it('are cut at 512 characters', () => {
    expect(pickTraceKey({ id: 'x'.repeat(600) })).toHaveLength(512);
  });
});

describe('trace key templates', () => {
  const scope = { settings: {}, roots: {} };
  const key = (template: string, record: JsonValue) => compileTraceKey(template, scope)(record, runContext());
  it('read the record with and without its prefix', () => {
    expect(key('{{record.a}}-{{b}}', { a: 1, b: 2 })).toBe('1-2');
    expect(key('{{rows.0.a}}', [{ a: 1 }])).toBe('1');
  });
  it('fall back to the picked key when they fail or print nothing', () => {
    expect(key('{{record.none}}', { id: 7 })).toBe('7');
    expect(key('{{#each', { id: 7 })).toBe('7');
    expect(key('{{jsonSerialize record.none}}', { id: 7 })).toBe('7');
  });
  it('are cut at 512 characters', () => {
    expect(key('{{record.a}}', { a: 'x'.repeat(600) })).toHaveLength(512);
  });
});
