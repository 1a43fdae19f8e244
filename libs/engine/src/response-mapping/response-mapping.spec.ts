import { describe, expect, it } from '@jest/globals';
import type { JsonRecord, JsonValue, ResponseMapping } from '#model';
import { compileResponseMapping } from './index.js';

const apply = (mapping: ResponseMapping, response: JsonRecord, record: JsonValue = { id: 1 }) => {
  const compiled = compileResponseMapping(mapping);
  if ('error' in compiled) return compiled;
  return 'map' in compiled ? compiled.map(record, response) : record;
};

describe('response mapping (runtime §15)', () => {
  const lookup = { statusCode: 200, data: [{ id: 'a', x: 1 }, { id: 'b' }], errors: [] };
  const answer = {
    statusCode: 200,
    id: 'n1',
    ignored: false,
    errors: [],
    _json: { items: [{ sku: 's1' }, { sku: 's2' }], ok: null },
  };

  it.each<[string, JsonRecord, unknown]>([
    ['data[0].x', lookup, 1],
    ['data.0.x', lookup, 1],
    ['data', lookup, lookup.data],
    ['id', answer, 'n1'],
    ['statusCode', answer, 200],
    ['_json.items[1].sku', answer, 's2'],
    ['_json.ok', answer, null],
    ['$.id', answer, 'n1'],
    ['data[1].x', lookup, undefined],
    ['data[*].id', lookup, undefined],
    ['sku', answer, undefined],
    ['$', answer, undefined],
    ['constructor', answer, undefined],
  ])('%s', (extract, response, value) => {
    expect(apply({ fields: [{ extract, generate: 'v' }] }, response)).toEqual(
      value === undefined ? { id: 1 } : { id: 1, v: value },
    );
  });

  it('generates dot paths, and leaves the record it was given alone', () => {
    const record = { id: 1, a: { b: 2 } };
    expect(apply({ fields: [{ extract: 'id', generate: 'a.c' }] }, answer, record)).toEqual({
      id: 1,
      a: { b: 2, c: 'n1' },
    });
    expect(record).toEqual({ id: 1, a: { b: 2 } });
  });

  it.each<[{ extract: string; generate: string }[], JsonRecord, unknown]>([
    [[{ extract: 'data[*].id', generate: 'k' }], lookup, [{ k: 'a' }, { k: 'b' }]],
    [
      [
        { extract: 'data[*].id', generate: 'k.n' },
        { extract: 'data[*].x', generate: 'x' },
      ],
      lookup,
      [{ k: { n: 'a' }, x: 1 }, { k: { n: 'b' } }],
    ],
    [
      [
        { extract: '_json.items[*].sku', generate: 'sku' },
        { extract: 'id', generate: 'id' },
      ],
      answer,
      [
        { sku: 's1', id: 'n1' },
        { sku: 's2', id: 'n1' },
      ],
    ],
    [[{ extract: 'data[*].id', generate: 'k' }], { statusCode: 200, data: [] }, []],
    [[{ extract: 'data[*].id', generate: 'k' }], { statusCode: 200 }, []],
    [[{ extract: 'id', generate: 'k' }], answer, [{ k: 'n1' }]],
    [[{ extract: '$', generate: 'k' }], answer, [{}]],
    // Observed: of a response whose root is an array the first element only.
    [[{ extract: '_json[*].id', generate: 'k' }], { statusCode: 200, _json: [{ id: 1 }, { id: 2 }] }, [{ k: 1 }]],
    [
      [{ extract: '_json[*].items[*].id', generate: 'k' }],
      { statusCode: 200, _json: [{ items: [{ id: 1 }, { id: 2 }] }, { items: [{ id: 3 }] }] },
      [{ k: 1 }, { k: 2 }],
    ],
    [
      [
        { extract: 'data[*]', generate: 'o' },
        { extract: 'data[*].id', generate: 'o.k' },
      ],
      { statusCode: 200, data: [{ id: 1 }] },
      [{ o: { id: 1, k: 1 } }],
    ],
  ])('lists %j', (fields, response, list) => {
    expect(apply({ lists: [{ generate: 'list', fields }] }, response)).toEqual({ id: 1, list });
  });

  it.each(['__proto__.x', 'constructor', 'a['])('refuses to generate %s', (generate) => {
    expect(apply({ fields: [{ extract: 'id', generate }] }, answer)).toMatchObject({
      error: { code: 'invalid_value' },
    });
    expect(apply({ lists: [{ generate, fields: [{ extract: 'data[*].id', generate: 'x' }] }] }, answer)).toMatchObject({
      error: { code: 'invalid_value' },
    });
  });

  it('adds nothing to grouped records', () => {
    expect(apply({ fields: [{ extract: 'id', generate: 'x' }] }, answer, [{ a: 1 }])).toEqual([{ a: 1 }]);
  });

  it('a mapping of nothing is the identity', () => {
    expect(compileResponseMapping({ fields: [], lists: [] })).toEqual({ identity: true });
    expect(compileResponseMapping(undefined)).toEqual({ identity: true });
  });
});
