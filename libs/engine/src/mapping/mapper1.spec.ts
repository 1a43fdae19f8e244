import { describe, expect, it } from '@jest/globals';
import type { JsonValue, Mapping1, Mapping1Field } from '#model';
import { runContext } from '../testing/contexts.js';
import { compileMapper1 } from './compile-mapping.js';
import type { MappingOptions } from './plan.js';

const map = (mapping: Mapping1, record: JsonValue, operation?: MappingOptions['operation']) => {
  const compiled = compileMapper1(mapping, {
    lookups: [{ name: 'states', map: { tx: 'Texas' } }],
    source: 'mapping',
    input: 'record',
    scope: { settings: {}, roots: {} },
    ...(operation === undefined ? {} : { operation }),
  });
  if ('error' in compiled) return compiled;
  const mapped = compiled.map(record, runContext());
  return 'value' in mapped ? mapped.value : mapped.failure;
};
const field = (entry: Mapping1Field, record: JsonValue) => map({ fields: [{ generate: 'v', ...entry }] }, record);

describe('fields of Mapper 1.0 (runtime §12)', () => {
  it.each<[Mapping1Field, JsonValue, unknown]>([
    [{ extract: 'a.b' }, { a: { b: 1 } }, { v: 1 }],
    [{ extract: '[Field Name]' }, { 'Field Name': 1 }, { v: 1 }],
    [{ extract: '{{first}} {{last}}' }, { first: 'Ana', last: 'Bo' }, { v: 'Ana Bo' }],
    [{ extract: '{{data.0.id}}' }, { id: 1 }, { v: '1' }],
    [{ hardCodedValue: 'x' }, {}, { v: 'x' }],
    [{ extract: 'a', generate: 'x.y' }, { a: 1 }, { x: { y: 1 } }],
    [{ extract: 'a', generate: 'x[0].y' }, { a: 1 }, { x: [{ y: 1 }] }],
    [{ extract: 'a', dataType: 'number' }, { a: '5' }, { v: 5 }],
    [{ extract: 'a', dataType: 'boolean' }, { a: 'false' }, { v: false }],
    [{ extract: 'a', dataType: 'string' }, { a: 5 }, { v: '5' }],
    [{ extract: 'a', dataType: 'json' }, { a: '{"x":1}' }, { v: { x: 1 } }],
    [{ extract: 'a', dataType: 'stringarray' }, { a: [1] }, { v: ['1'] }],
    [{ extract: 'a', dataType: 'numberarray' }, { a: '1' }, { v: [1] }],
    [{ extract: 'a', default: 'd' }, {}, { v: 'd' }],
    [{ extract: 'a', default: 'd' }, { a: '' }, { v: 'd' }],
    [{ extract: 'a' }, { a: '' }, { v: '' }],
    [{ extract: 'a' }, { a: null }, { v: null }],
    [{ extract: 'a' }, {}, {}],
    [{ extract: 'a', discardIfEmpty: true }, { a: '' }, {}],
    [{ extract: 'a', default: 'd', conditional: { when: 'extract_not_empty' } }, {}, {}],
    [{ extract: 'a', lookupName: 'states' }, { a: 'tx' }, { v: 'Texas' }],
    [
      { extract: 'd', extractDateFormat: 'MM/DD/YYYY', generateDateFormat: 'YYYY-MM-DD' },
      { d: '02/28/2024' },
      { v: '2024-02-28' },
    ],
  ])('%j', (entry, record, result) => {
    expect(field(entry, record)).toStrictEqual(result);
  });

  it('fills gaps of generated arrays with null', () => {
    expect(map({ fields: [{ extract: 'a', generate: 'x[2]' }] }, { a: 1 })).toStrictEqual({ x: [null, null, 1] });
  });

  it('immutable fields are written on creation only', () => {
    const mapping: Mapping1 = { fields: [{ extract: 'a', generate: 'v', immutable: true }] };
    expect(map(mapping, { a: 1 }, 'create')).toStrictEqual({ v: 1 });
    expect(map(mapping, { a: 1 }, 'update')).toStrictEqual({});
    expect(map(mapping, { a: 1 })).toMatchObject({ error: { code: 'not_supported' } });
  });

  it.each(['__proto__.x', 'a.constructor', 'a[*].b', 'a['])('refuses to generate %s', (generate) => {
    expect(field({ extract: 'a', generate }, {})).toMatchObject({ error: { code: 'invalid_value' } });
  });
});

describe('lists of Mapper 1.0 (runtime §12)', () => {
  const record = { id: 1, lines: [{ sku: 'a', n: { q: '1' } }, { sku: 'b' }] };
  const expected = { items: [{ code: 'a', q: 1 }, { code: 'b' }] };
  it.each<[string, Mapping1]>([
    [
      'jsonPath and relative names',
      {
        lists: [
          {
            generate: 'items',
            jsonPath: 'lines',
            fields: [
              { extract: 'sku', generate: 'code' },
              { extract: 'n.q', generate: 'q', dataType: 'number' },
            ],
          },
        ],
      },
    ],
    [
      'jsonPath with $ and [*]',
      {
        lists: [
          {
            generate: 'items',
            jsonPath: '$.lines[*]',
            fields: [
              { extract: 'lines[*].sku', generate: 'code' },
              { extract: 'n.q', generate: 'q', dataType: 'number' },
            ],
          },
        ],
      },
    ],
    [
      'extracts with [*]',
      {
        lists: [
          {
            generate: 'items',
            fields: [
              { extract: 'lines[*].sku', generate: 'code' },
              { extract: 'lines[*].n.q', generate: 'q', dataType: 'number' },
            ],
          },
        ],
      },
    ],
  ])('%s', (_, mapping) => {
    expect(map(mapping, record)).toStrictEqual(expected);
  });
  it('hard-coded columns repeat', () => {
    expect(
      map({ lists: [{ generate: 'i', jsonPath: 'lines', fields: [{ hardCodedValue: 'x', generate: 'c' }] }] }, record),
    ).toStrictEqual({ i: [{ c: 'x' }, { c: 'x' }] });
  });
  it('a list that names no array is refused', () => {
    expect(map({ lists: [{ generate: 'i', fields: [{ extract: 'sku', generate: 'c' }] }] }, record)).toMatchObject({
      error: { code: 'invalid_value' },
    });
  });
});
