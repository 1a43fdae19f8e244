import { describe, expect, it } from '@jest/globals';
import type { JsonValue, Mapping1, Mapping1Field } from '#model';
import { runContext } from '../testing/contexts.js';
import { compileMapper1 } from './compile-mapping.js';
import type { MappingOptions } from './plan.js';

const map = (mapping: Mapping1, record: JsonValue, operation?: MappingOptions['operation']) => {
  const compiled = compileMapper1(mapping, {
    lookups: [
      { name: 'states', map: { tx: 'Texas' } },
      { name: 'lenient', map: {}, allowFailures: true },
    ],
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

  it.each<[string, Mapping1Field, JsonValue, unknown]>([
    ['* reads every row of a grouped record', { extract: '*.id' }, [{ id: 1 }, { id: 2 }], { v: [1, 2] }],
    ['[*] reads every element', { extract: 'a[*].b' }, { a: [{ b: 1 }, { b: 2 }, {}] }, { v: [1, 2] }],
    ['$ starts at the record', { extract: '$.a.b' }, { a: { b: 1 } }, { v: 1 }],
    ['a hard-coded value excludes the extract', { extract: 'a', hardCodedValue: 'x' }, { a: 1 }, { v: 'x' }],
    ['a default has the type of its field', { extract: 'a', dataType: 'number', default: '5' }, {}, { v: 5 }],
    ['unless it cannot', { extract: 'a', dataType: 'number', default: 'none' }, {}, { v: 'none' }],
    ['null is a default', { extract: 'a', default: null }, {}, { v: null }],
    [
      'what comes out empty is discarded',
      { extract: 'a', lookupName: 'lenient', discardIfEmpty: true },
      { a: 'zz' },
      {},
    ],
    [
      'lookups translate elements',
      { extract: 'a', dataType: 'stringarray', lookupName: 'states' },
      { a: ['tx'] },
      { v: ['Texas'] },
    ],
    [
      'dates of elements',
      { extract: 'a', dataType: 'stringarray', generateDateFormat: 'YYYY' },
      { a: ['2024-02-28'] },
      { v: ['2024'] },
    ],
    ['epoch milliseconds are dates', { extract: 'a', generateDateFormat: 'YYYY-MM-DD' }, { a: 0 }, { v: '1970-01-01' }],
    [
      'zones are IANA names',
      {
        extract: 'a',
        extractDateFormat: 'YYYY-MM-DD HH:mm',
        extractDateTimezone: 'America/New_York',
        generateDateFormat: 'HH:mm',
        generateDateTimezone: 'Europe/Vienna',
      },
      { a: '2024-07-01 12:00' },
      { v: '18:00' },
    ],
    [
      'internalId, isKey and useFirstRow change nothing',
      { extract: 'a', internalId: true, isKey: true, useFirstRow: true },
      { a: 1 },
      { v: 1 },
    ],
  ])('%s', (_, entry, record, result) => {
    expect(field(entry, record)).toStrictEqual(result);
  });

  it.each<[Mapping1Field, JsonValue, string]>([
    [{ extract: 'a', dataType: 'number' }, { a: 'x' }, 'cast_failed'],
    [{ extract: 'a', dataType: 'json' }, { a: '{' }, 'cast_failed'],
    [{ extract: 'a', generateDateFormat: 'YYYY' }, { a: ['2024-02-28'] }, 'cast_failed'],
    [{ extract: 'a', lookupName: 'states' }, { a: 'zz' }, 'lookup_failed'],
  ])('%j of %j fails the record', (entry, record, code) => {
    expect(field(entry, record)).toMatchObject({ code });
  });

  it.each<[string, Mapping1Field, JsonValue, unknown]>([
    ['lookup_not_empty', { conditional: { when: 'lookup_not_empty', lookupName: 'states' } }, 'tx', { v: 'tx' }],
    ['lookup_not_empty', { conditional: { when: 'lookup_not_empty', lookupName: 'states' } }, 'zz', {}],
    ['lookup_empty', { conditional: { when: 'lookup_empty', lookupName: 'states' } }, 'tx', {}],
    ['lookup_empty', { conditional: { when: 'lookup_empty', lookupName: 'states' } }, 'zz', { v: 'zz' }],
    ['the field\u2019s own lookup', { lookupName: 'states', conditional: { when: 'lookup_not_empty' } }, 'zz', {}],
    [
      'the field\u2019s own lookup',
      { lookupName: 'states', conditional: { when: 'lookup_not_empty' } },
      'tx',
      { v: 'Texas' },
    ],
    [
      'no lookup at all',
      { conditional: { when: 'lookup_empty' } },
      'tx',
      { error: expect.objectContaining({ code: 'invalid_value' }) },
    ],
  ])('%s: %j with %j', (_, entry, a, result) => {
    expect(field({ extract: 'a', ...entry }, { a })).toEqual(result);
  });

  it('conditions on the operation decide at once', () => {
    const mapping: Mapping1 = {
      fields: [
        { extract: 'a', generate: 'c', conditional: { when: 'record_created' } },
        { extract: 'a', generate: 'u', conditional: { when: 'record_updated' } },
      ],
    };
    expect(map(mapping, { a: 1 }, 'create')).toStrictEqual({ c: 1 });
    expect(map(mapping, { a: 1 }, 'update')).toStrictEqual({ u: 1 });
  });

  it.each<[string, Mapping1Field[], unknown]>([
    [
      'the later wins',
      [
        { extract: 'a', generate: 'v' },
        { extract: 'b', generate: 'v' },
      ],
      { v: 2 },
    ],
    [
      'unless it has nothing',
      [
        { extract: 'a', generate: 'v' },
        { extract: 'none', generate: 'v' },
      ],
      { v: 1 },
    ],
    [
      'members of what is there',
      [
        { extract: 'o', generate: 'v' },
        { extract: 'b', generate: 'v.y' },
      ],
      { v: { x: 1, y: 2 } },
    ],
    [
      'members of what holds none',
      [
        { extract: 'a', generate: 'v' },
        { extract: 'b', generate: 'v.y' },
      ],
      { v: { y: 2 } },
    ],
    [
      'ignore_if_set leaves what is set',
      [
        { extract: 'a', generate: 'v' },
        { extract: 'b', generate: 'v', conditional: { when: 'ignore_if_set' } },
      ],
      { v: 1 },
    ],
    [
      'ignore_if_set sets what is empty',
      [
        { extract: 'blank', generate: 'v' },
        { extract: 'b', generate: 'v', conditional: { when: 'ignore_if_set' } },
      ],
      { v: 2 },
    ],
  ])('targets that overlap: %s', (_, fields, result) => {
    const record = { a: 1, b: 2, blank: '', o: { x: 1 } };
    expect(map({ fields }, record)).toStrictEqual(result);
    expect(record.o).toStrictEqual({ x: 1 });
  });

  it('sub-records are objects with a mapping of their own', () => {
    const subRecordMapping = {
      recordType: 'inventorydetail',
      jsonPath: 'detail',
      mapping: {
        fields: [
          { extract: 'bin', generate: 'bin', lookupName: 'bins' },
          { extract: '$.id', generate: 'of' },
        ],
      },
      lookups: [{ name: 'bins', map: { b1: 'Bin 1' } }],
    };
    expect(field({ subRecordMapping }, { id: 7, detail: { bin: 'b1' } })).toStrictEqual({ v: { bin: 'Bin 1', of: 7 } });
    expect(field({ subRecordMapping: { jsonPath: 'detail' } }, {})).toMatchObject({ error: { code: 'invalid_value' } });
    expect(field({ subRecordMapping: { ...subRecordMapping, jsonPath: 'a[*]' } }, {})).toMatchObject({
      error: { code: 'not_supported' },
    });
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
  it.each<[string, Mapping1, JsonValue, unknown]>([
    [
      'rows of a grouped record',
      { lists: [{ generate: 'i', jsonPath: '*', fields: [{ extract: 'id', generate: 'k' }] }] },
      [{ id: 1 }, { id: 2 }],
      { i: [{ k: 1 }, { k: 2 }] },
    ],
    [
      'without jsonPath columns start at the record',
      {
        lists: [
          {
            generate: 'i',
            extract: 'lines[*]',
            fields: [
              { extract: 'lines[*].sku', generate: 's' },
              { extract: 'id', generate: 'o' },
            ],
          },
        ],
      },
      record,
      {
        i: [
          { s: 'a', o: 1 },
          { s: 'b', o: 1 },
        ],
      },
    ],
    [
      'lists within lists, flattened',
      { lists: [{ generate: 'i', jsonPath: 'a[*].b[*]', fields: [{ extract: 'c', generate: 'c' }] }] },
      { a: [{ b: [{ c: 1 }] }, { b: [{ c: 2 }, { c: 3 }] }, {}] },
      { i: [{ c: 1 }, { c: 2 }, { c: 3 }] },
    ],
    [
      'an empty list',
      { lists: [{ generate: 'i', jsonPath: 'a', fields: [{ extract: 'c', generate: 'c' }] }] },
      { a: [] },
      { i: [] },
    ],
    [
      'a missing list',
      { lists: [{ generate: 'i', jsonPath: 'a', fields: [{ extract: 'c', generate: 'c' }] }] },
      {},
      {},
    ],
    [
      'a list beside fields of the same object',
      {
        fields: [{ extract: 'id', generate: 'o.id' }],
        lists: [{ generate: 'o.i', jsonPath: 'lines', fields: [{ extract: 'sku', generate: 's' }] }],
      },
      record,
      { o: { id: 1, i: [{ s: 'a' }, { s: 'b' }] } },
    ],
  ])('%s', (_, mapping, input, result) => {
    expect(map(mapping, input)).toStrictEqual(result);
  });

  it('a list that names no array is refused', () => {
    expect(map({ lists: [{ generate: 'i', fields: [{ extract: 'sku', generate: 'c' }] }] }, record)).toMatchObject({
      error: { code: 'invalid_value' },
    });
  });
});
