import { describe, expect, it } from '@jest/globals';
import type { JsonRecord, JsonValue, Mapping2, TransformExpression } from '#model';
import { compileFilter } from './filter/index.js';
import { compileMapper1, compileMapper2, type MappingOptions } from './mapping/index.js';
import { compileResponseMapping } from './response-mapping/index.js';
import { runContext } from './testing/contexts.js';
import { compileTransform } from './transform/index.js';

/** Users' configurations and records are hostile (P7): each ends with a value, a failure of the record, or a refusal. */

const options: MappingOptions = {
  lookups: [{ name: 'l', map: JSON.parse('{"__proto__":"own","a":"b"}') as JsonRecord }],
  source: 'mapping',
  input: 'record',
  scope: { settings: {}, roots: {} },
};
const run = runContext();
const text = { status: 'Active', dataType: 'string' } as const;

type Outcome = { readonly value: JsonValue } | { readonly failure: unknown } | { readonly error: unknown };

const mapper2 = (mappings: Mapping2, record: JsonValue): Outcome => {
  const compiled = compileMapper2(mappings, options);
  return 'error' in compiled ? compiled : compiled.map(record, run);
};
const mapper1 = (extract: string, generate: string, record: JsonValue): Outcome => {
  const compiled = compileMapper1({ fields: [{ extract, generate }] }, options);
  return 'error' in compiled ? compiled : compiled.map(record, run);
};
const modify = (extract: string, record: JsonValue): Outcome => {
  const mappings: Mapping2 = [{ status: 'Active', dataType: 'object', generate: 'o', extract }];
  const transform: TransformExpression = {
    expression: { version: '2', rulesTwoDotZero: { mode: 'modify', mappings } },
  };
  const compiled = compileTransform(transform, options.scope);
  return 'map' in compiled ? compiled.map(record, run) : { error: compiled };
};
const respond = (extract: string, generate: string, response: JsonRecord, record: JsonValue = {}): Outcome => {
  const compiled = compileResponseMapping({ fields: [{ extract, generate }] });
  return 'map' in compiled ? { value: compiled.map(record, response) } : { error: compiled };
};
const filter = (rules: unknown, record: JsonValue) => {
  const compiled = compileFilter(rules, { settings: {}, source: 'input_filter' });
  return 'error' in compiled ? compiled : compiled.filter(record);
};

describe('names of prototypes', () => {
  const names = ['__proto__', 'constructor', 'prototype'];
  const paths = [...names, 'a.__proto__', '__proto__.polluted', 'constructor.prototype.polluted', "['__proto__'].x"];

  it.each(paths)('%s reads nothing', (path) => {
    const record = { a: {} };
    expect(mapper1(path, 'v', record)).toStrictEqual({ value: {} });
    expect(mapper2([{ ...text, generate: 'v', extract: `$.${path}`.replace('.[', '[') }], record)).toStrictEqual({
      value: {},
    });
    expect(respond(path, 'v', record)).toStrictEqual({ value: {} });
    expect(filter(['notempty', ['extract', path]], record)).toBe(false);
    expect(filter(['notempty', ['settings', `flow.${path}`]], record)).toBe(false);
  });

  it.each(paths)('%s is no target', (path) => {
    const refused = { error: { code: 'invalid_value' } };
    expect(mapper1('a', path, { a: 1 })).toMatchObject(refused);
    expect(respond('a', path, { a: 1 })).toMatchObject({ error: refused });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it.each(names)('%s is no name of a field', (generate) => {
    expect(mapper2([{ ...text, generate, extract: 'x' }], {})).toMatchObject({ error: { code: 'invalid_value' } });
  });

  it('own members of such names are data, and stay own', () => {
    const hostile = JSON.parse('{"o":{"__proto__":{"polluted":1},"constructor":2}}') as JsonRecord;
    const outcome = modify('$.o', hostile);
    expect(JSON.stringify(outcome)).toBe(JSON.stringify({ value: hostile }));
    expect('value' in outcome && Object.getPrototypeOf((outcome.value as JsonRecord)['o'])).toBe(Object.prototype);
    expect(mapper1('o.__proto__.polluted', 'v', hostile)).toStrictEqual({ value: { v: 1 } });
    const found = mapper2([{ ...text, generate: 'v', extract: '__proto__', lookupName: 'l' }], {});
    expect(found).toStrictEqual({ value: { v: 'own' } });
  });
});

describe('very deep records', () => {
  const depth = 50_000;
  const deep = Array.from({ length: depth }).reduce<JsonValue>((inner) => ({ a: inner }), 1) as JsonRecord;
  const lists = Array.from({ length: depth }).reduce<JsonValue>((inner) => [inner], 1);

  it('pass where nothing reads below, and fail alone where something does', () => {
    const both = { a: deep, l: lists };
    expect(mapper2([{ ...text, generate: 'v', extract: '$.a' }], both)).toHaveProperty('value');
    expect(mapper2([{ ...text, generate: 'v', extract: '$..b' }], both)).toMatchObject({
      failure: { code: 'mapping_failed' },
    });
    expect(mapper1('a', 'v', both)).toHaveProperty('value');
    expect(mapper1('l[*]', 'v', both)).toHaveProperty('value');
    expect(respond('a', 'v', both)).toHaveProperty('value');
    expect(filter(['equals', ['extract', 'a'], ['extract', 'a.a']], both)).toMatchObject({ code: 'filter_failed' });
    expect(filter(['equals', ['extract', 'l[0]'], 1], both)).toBe(false);
    expect(modify('$.o', { o: deep })).toMatchObject({ failure: { code: 'mapping_failed' } });
  });
});

describe('huge records and configurations', () => {
  const many = Array.from({ length: 300_000 }, (_, index) => ({ x: index }));

  it('arrays of any length are mapped', () => {
    const list: Mapping2 = [
      {
        status: 'Active',
        dataType: 'objectarray',
        generate: 'v',
        buildArrayHelper: [
          { extract: '$.m[*]', mappings: [{ ...text, generate: 'x', extract: '$.m.x' }], default: 'none' },
          { extract: '$.m' },
        ],
      },
    ];
    const mapped = mapper2(list, { m: many });
    expect('value' in mapped && (mapped.value as { readonly v: readonly unknown[] }).v).toHaveLength(600_000);
    expect(filter(['contains', ['extract', 'm[*].x'], 299_999], { m: many })).toBe(true);
    expect(respond('data', 'v', { data: many })).toHaveProperty('value');
  });

  it('an index is no way to a huge array', () => {
    expect(mapper1('a', 'v[999999999]', {})).toMatchObject({ error: { code: 'invalid_value' } });
    expect(respond('a', 'v[999999999]', {})).toHaveProperty('error');
  });

  it('mappings of very many fields, lookups and conditions end', () => {
    const fields = Array.from({ length: 20_000 }, (_, index) => ({
      ...text,
      generate: `f${index}`,
      extract: index % 50 === 1 ? `{{record.x${index}}}` : `$.a.b${index}`,
      lookupName: 'l',
    }));
    expect(mapper2(fields, { a: { b0: 'a' } })).toStrictEqual({ value: { f0: 'b' } });
    const columns = Array.from({ length: 200_000 }, (_, index) => ({
      extract: 'data[*].x',
      generate: `f${index % 10}`,
    }));
    const compiled = compileResponseMapping({ lists: [{ generate: 'v', fields: columns }] });
    expect('map' in compiled && compiled.map({}, { data: [{ x: 1 }] })).toHaveProperty('v');
  });

  it('patterns of JSONPath filters are searched in linear time', () => {
    const record = { a: [{ s: `${'a'.repeat(50_000)}!` }, { s: 'aa' }] };
    const found = (query: string) => mapper2([{ ...text, generate: 'v', extract: query }], record);
    expect(found("$.a[?match(@.s, '(a+)+')].s")).toStrictEqual({ value: { v: '["aa"]' } });
    expect(found("$.a[?search(@.s, '(a|aa)+$')].s")).toStrictEqual({ value: { v: '["aa"]' } });
    expect(found("$.a[?search(@.s, '(')].s")).toStrictEqual({ value: { v: '[]' } });
  });
});
