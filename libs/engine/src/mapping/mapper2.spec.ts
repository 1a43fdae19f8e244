import { describe, expect, it } from '@jest/globals';
import type { CopySource, JsonValue, Lookup, Mapping2, MappingArrayHelper } from '#model';
import { runContext } from '../testing/contexts.js';
import { compileMapper2 } from './compile-mapping.js';
import type { LookupAnswer, MappingOptions } from './plan.js';

const map = (mappings: Mapping2, record: JsonValue, options: Partial<MappingOptions> = {}) => {
  const compiled = compileMapper2(mappings, {
    lookups: [],
    source: 'mapping',
    input: 'record',
    scope: { settings: { flow: { region: 'eu' } }, roots: {} },
    ...options,
  });
  if ('error' in compiled) return compiled;
  const mapped = compiled.map(record, runContext());
  return 'value' in mapped ? mapped.value : mapped.failure;
};
const active = { status: 'Active' } as const;
const text = { ...active, dataType: 'string' } as const;

describe('extracts of Mapper 2.0 (runtime §13)', () => {
  const record = { id: 7, name: 'Ana', 'a.b': 'dotted', nested: { list: [{ x: 1 }, { x: 2 }] }, constructor: 'own' };
  it.each<[string, JsonValue | undefined]>([
    ['$.id', '7'],
    ['$.nested.list[1].x', '2'],
    ["$['a.b']", 'dotted'],
    ['$.[a.b]', 'dotted'],
    ['$.nested.list[?(@.x>1)].x', '[2]'],
    ['$.nested.list[-1].x', '2'],
    ['$.constructor', 'own'],
    ['$.__proto__', undefined],
    ['$.toString', undefined],
    ['$.nested.list.map', undefined],
    ['{{record.name}}-{{record.id}}', 'Ana-7'],
    ['{{uppercase record.name}}', 'ANA'],
    ['literal', 'literal'],
  ])('%s gives %j', (extract, value) => {
    expect(map([{ ...text, generate: 'v', extract }], record)).toStrictEqual(value === undefined ? {} : { v: value });
  });

  it('takes a dotted generate as one literal key', () => {
    expect(map([{ ...text, generate: 'a.b', extract: 'x' }], {})).toStrictEqual({ 'a.b': 'x' });
  });

  it.each(['__proto__', 'constructor', 'prototype'])('refuses to generate %s', (generate) => {
    expect(map([{ ...text, generate, extract: 'x' }], {})).toMatchObject({ error: { code: 'invalid_value' } });
  });

  it('fails a record whose query matches without end', () => {
    const wide = { a: Array.from({ length: 1000 }, () => Array.from({ length: 300 }, () => 1)) };
    expect(map([{ ...active, dataType: 'stringarray', generate: 'v', extract: '$..*' }], wide)).toMatchObject({
      code: 'mapping_failed',
    });
  });

  it('does not execute drafts', () => {
    expect(map([{ status: 'Draft', dataType: 'string', generate: 'v', extract: '$[' }], {})).toStrictEqual({});
  });

  it('fails a record whose template fails, in the stage', () => {
    expect(map([{ ...text, generate: 'v', extract: '{{#each' }], {})).toMatchObject({
      code: 'handlebars_template_parse_error',
      source: 'mapping',
    });
  });
});

describe('empty sources (runtime §13)', () => {
  it.each<[string, JsonValue]>([
    ['missing', {}],
    ['null', { x: null }],
    ['empty text', { x: '' }],
  ])('%s: left out without a default, replaced by a default, null being one', (_, record) => {
    const fields: Mapping2 = [
      { ...text, generate: 'out', extract: '$.x' },
      { ...text, generate: 'dflt', extract: '$.x', default: 'd' },
      { ...text, generate: 'nil', extract: '$.x', default: null },
      { ...text, generate: 'not', extract: '$.x', default: 'd', conditional: { when: 'extract_not_empty' } },
    ];
    expect(map(fields, record)).toStrictEqual({ dflt: 'd', nil: null });
  });

  it.each<[NonNullable<Mapping2[number]['dataType']>, JsonValue, JsonValue]>([
    ['number', '5', 5],
    ['boolean', 'false', false],
    ['object', '{"a":1}', { a: 1 }],
    ['stringarray', 'a', ['a']],
    ['numberarray', ['1', 2], [1, 2]],
    ['number', 'none', 'none'],
    ['number', '', ''],
    ['stringarray', null, null],
  ])('a default of a %s: %j is %j', (dataType, fallback, value) => {
    expect(map([{ ...active, dataType, generate: 'v', extract: '$.x', default: fallback }], {})).toStrictEqual({
      v: value,
    });
  });

  it('zero and false are not empty', () => {
    const fields: Mapping2 = [
      { ...active, dataType: 'number', generate: 'n', extract: '$.n', default: '5' },
      { ...active, dataType: 'boolean', generate: 'b', extract: '$.b' },
    ];
    expect(map(fields, { n: 0, b: false })).toStrictEqual({ n: 0, b: false });
  });
});

describe('data types (runtime §13)', () => {
  it.each<[NonNullable<Mapping2[number]['dataType']>, JsonValue, JsonValue]>([
    ['string', 5, '5'],
    ['string', true, 'true'],
    ['string', { a: 1 }, '{"a":1}'],
    ['number', '12.5', 12.5],
    ['number', ' 7 ', 7],
    ['boolean', 'true', true],
    ['boolean', 'FALSE', false],
    ['boolean', 1, true],
    ['boolean', 'x', true],
    ['object', { a: { b: 1 } }, { a: { b: 1 } }],
    ['object', '{"a":1}', { a: 1 }],
    ['stringarray', [1, true], ['1', 'true']],
    ['stringarray', 'one', ['one']],
    ['numberarray', ['1', 2], [1, 2]],
    ['booleanarray', ['true', 0], [true, false]],
    ['objectarray', [{ a: 1 }], [{ a: 1 }]],
    ['arrayarray', [[1], [2, 3]], [[1], [2, 3]]],
    ['stringarray', [], []],
  ])('%s from %j is %j', (dataType, source, value) => {
    expect(map([{ ...active, dataType, generate: 'v', extract: '$.v' }], { v: source })).toStrictEqual({ v: value });
  });

  it.each<[NonNullable<Mapping2[number]['dataType']>, JsonValue]>([
    ['number', 'twelve'],
    ['number', true],
    ['number', '1e999'],
    ['object', [1]],
    ['numberarray', ['x']],
  ])('%s from %j fails the record', (dataType, source) => {
    expect(map([{ ...active, dataType, generate: 'v', extract: '$.v' }], { v: source })).toMatchObject({
      code: 'cast_failed',
      source: 'mapping',
      message: expect.stringContaining('field v'),
    });
  });

  it('writes hard-coded values, a copy for each record', () => {
    const fields: Mapping2 = [
      { ...text, generate: 's', hardCodedValue: 'x' },
      { ...active, dataType: 'objectarray', generate: 'o', hardCodedValue: [{ a: 1 }] },
    ];
    expect(map(fields, {})).toStrictEqual({ s: 'x', o: [{ a: 1 }] });
  });
});

describe('dates', () => {
  it('reads and writes moment tokens in zones', () => {
    const fields: Mapping2 = [
      {
        ...text,
        generate: 'd',
        extract: '$.d',
        extractDateFormat: 'DD/MM/YYYY HH:mm',
        extractDateTimezone: 'America/New_York',
        generateDateFormat: 'YYYY-MM-DDTHH:mm[Z]',
        generateDateTimezone: 'UTC',
      },
    ];
    expect(map(fields, { d: '01/02/2024 20:30' })).toStrictEqual({ d: '2024-02-02T01:30Z' });
    expect(map(fields, { d: 'never' })).toMatchObject({ code: 'cast_failed', source: 'mapping' });
    expect(map(fields, {})).toStrictEqual({});
  });
});

describe('static lookups (runtime §14)', () => {
  const lookups: Lookup[] = [
    { name: 'strict', map: { tx: 'Texas' } },
    { name: 'lenient', map: { tx: 'Texas' }, allowFailures: true },
    { name: 'fallback', map: { tx: 'Texas' }, allowFailures: true, default: 'Other' },
    { name: 'live', relativeURI: '/x', method: 'GET' },
    { name: 'void' },
  ];
  const by = (lookupName: string, st: JsonValue) =>
    map([{ ...text, generate: 'v', extract: '$.st', lookupName }], { st }, { lookups });
  it('translates values, and on a miss fails, gives null, or the default', () => {
    expect(by('strict', 'tx')).toStrictEqual({ v: 'Texas' });
    expect(by('strict', 'zz')).toMatchObject({ source: 'lookup' });
    expect(by('strict', 'constructor')).toMatchObject({ source: 'lookup' });
    expect(by('lenient', 'zz')).toStrictEqual({ v: null });
    expect(by('fallback', 'zz')).toStrictEqual({ v: 'Other' });
  });
  it('serves templates', () => {
    expect(
      map([{ ...text, generate: 'v', extract: '{{lookup "strict" record.st}}' }], { st: 'tx' }, { lookups }),
    ).toStrictEqual({
      v: 'Texas',
    });
  });
  it('refuses dynamic lookups without answers, unknown ones, and those that find nothing ever', () => {
    expect(by('live', 'tx')).toMatchObject({ error: { code: 'not_supported' } });
    expect(by('none', 'tx')).toMatchObject({ error: { code: 'invalid_value' } });
    expect(by('void', 'tx')).toMatchObject({ error: { code: 'invalid_value' } });
  });
});

describe('dynamic lookups (runtime §14)', () => {
  const failure = { code: '503', message: 'The application answered with status 503.', source: 'lookup' } as const;
  const request = { name: 'l', relativeURI: '/x', method: 'GET' } as const;
  const answered: Record<string, LookupAnswer> = {
    one: { matches: ['1'] },
    none: { matches: [] },
    several: { matches: ['a', 'b'] },
    failed: { failure },
  };
  const by = (lookup: Partial<Lookup>, st: JsonValue, extract: string | null = '$.st') => {
    const compiled = compileMapper2(
      [{ ...active, dataType: 'string', generate: 'v', lookupName: 'l', ...(extract === null ? {} : { extract }) }],
      {
        lookups: [{ ...request, ...lookup }],
        source: 'mapping',
        input: 'record',
        scope: { settings: {}, roots: {} },
        dynamicLookups: true,
      },
    );
    if ('error' in compiled) return compiled;
    const mapped = compiled.map({ st }, runContext(), (name, value) =>
      name === 'l' ? answered[(value as string | undefined) ?? 'one'] : undefined,
    );
    return 'value' in mapped ? mapped.value : mapped.failure;
  };
  it.each<[string, Partial<Lookup>, JsonValue, unknown]>([
    ['the one match', {}, 'one', { v: '1' }],
    ['the static map first', { map: { one: '2' } }, 'one', { v: '2' }],
    ['then the request', { map: { two: '2' } }, 'one', { v: '1' }],
    ['nothing fails the record', {}, 'none', { code: 'lookup_failed', source: 'lookup' }],
    ['nothing, allowed', { allowFailures: true }, 'none', { v: null }],
    ['nothing, allowed, with a default', { allowFailures: true, default: 'd' }, 'none', { v: 'd' }],
    ['a default alone allows nothing', { default: 'd' }, 'none', { code: 'lookup_failed' }],
    ['several fail the record', {}, 'several', { code: 'lookup_failed', message: expect.stringContaining('2 values') }],
    ['several, with their default', { useDefaultOnMultipleMatches: true, default: 'd' }, 'several', { v: 'd' }],
    ['several, failures allowed', { allowFailures: true }, 'several', { v: null }],
    ['a failed request fails the record', {}, 'failed', failure],
    ['a failed request, allowed', { allowFailures: true, default: 'd' }, 'failed', { v: 'd' }],
    ['one that was not asked', {}, 'other', { code: 'lookup_failed', message: expect.stringContaining('not asked') }],
    ['an empty extract asks nothing', {}, '', {}],
  ])('%s', (_, lookup, st, result) => {
    expect(by(lookup, st)).toEqual(
      result instanceof Object && 'code' in result ? expect.objectContaining(result) : result,
    );
  });
  it('need no extract', () => {
    expect(by({}, 'x', null)).toStrictEqual({ v: '1' });
  });
});

describe('objects and arrays (runtime §13)', () => {
  const orders = {
    customer: 'c1',
    tags: ['a', 'b'],
    orders: [
      { id: 1, items: [{ sku: 's1', serials: [10, 11] }, { sku: 's2' }] },
      { id: 2, items: [{ sku: 's3', serials: [12] }] },
      { id: 3 },
    ],
  };
  const one = (field: Mapping2[number], record: JsonValue = orders) => map([field], record);

  it('builds nested objects from the root of the input; empty ones are left out', () => {
    expect(
      map(
        [
          {
            ...active,
            dataType: 'object',
            generate: 'a',
            mappings: [{ ...text, generate: 'b', extract: '$.customer' }],
          },
          { ...active, dataType: 'object', generate: 'e', mappings: [{ ...text, generate: 'b', extract: '$.none' }] },
        ],
        orders,
      ),
    ).toStrictEqual({ a: { b: 'c1' } });
  });

  it('pattern 1: extract alone copies elements; helpers append in order', () => {
    expect(
      one({
        ...active,
        dataType: 'stringarray',
        generate: 'v',
        buildArrayHelper: [{ extract: '$.tags[*]' }, { extract: '$.orders[*].id' }],
      }),
    ).toStrictEqual({ v: ['a', 'b', '1', '2', '3'] });
  });

  it('pattern 2: mappings alone, or with "$", construct one element', () => {
    const mappings: Mapping2 = [{ ...text, generate: 'c', extract: '$.customer' }];
    expect(
      one({
        ...active,
        dataType: 'objectarray',
        generate: 'v',
        buildArrayHelper: [{ mappings }, { extract: '$', mappings }],
      }),
    ).toStrictEqual({ v: [{ c: 'c1' }, { c: 'c1' }] });
  });

  it('pattern 3: elements take the place of every array on the path', () => {
    const mappings: Mapping2 = [
      { ...text, generate: 'sku', extract: '$.orders.items.sku' },
      { ...active, dataType: 'number', generate: 'order', extract: '$.orders.id' },
      { ...text, generate: 'customer', extract: '$.customer' },
      { ...text, generate: 't', extract: '{{record.orders.items.sku}}/{{record.orders.id}}/{{record.customer}}' },
      { ...text, generate: 'starred', extract: '$.orders[*].items[*].sku' },
    ];
    const expected = {
      v: [
        { sku: 's1', order: 1, customer: 'c1', t: 's1/1/c1', starred: 's1' },
        { sku: 's2', order: 1, customer: 'c1', t: 's2/1/c1', starred: 's2' },
        { sku: 's3', order: 2, customer: 'c1', t: 's3/2/c1', starred: 's3' },
      ],
    };
    const helper = { extract: '$.orders[*].items[*]', mappings };
    expect(one({ ...active, dataType: 'objectarray', generate: 'v', buildArrayHelper: [helper] })).toStrictEqual(
      expected,
    );
    expect(one({ ...active, dataType: 'objectarray', generate: 'v', extract: helper.extract, mappings })).toStrictEqual(
      expected,
    );
  });

  it('shows the element inside of what surrounds it', () => {
    expect(
      one({
        ...active,
        dataType: 'objectarray',
        generate: 'v',
        buildArrayHelper: [
          {
            extract: '$.orders[*].items[*]',
            mappings: [{ ...active, dataType: 'object', generate: 'o', extract: '$.orders' }],
          },
        ],
      }),
    ).toMatchObject({ v: [{ o: { id: 1, items: { sku: 's1' } } }, { o: { items: { sku: 's2' } } }, { o: { id: 2 } }] });
  });

  it('nests: arrays within elements, from the root all the same', () => {
    expect(
      one({
        ...active,
        dataType: 'objectarray',
        generate: 'v',
        buildArrayHelper: [
          {
            extract: '$.orders[*]',
            mappings: [
              { ...active, dataType: 'number', generate: 'id', extract: '$.orders.id' },
              {
                ...active,
                dataType: 'objectarray',
                generate: 'lines',
                buildArrayHelper: [
                  {
                    extract: '$.orders.items[*]',
                    mappings: [
                      { ...text, generate: 'sku', extract: '$.orders.items.sku' },
                      {
                        ...active,
                        dataType: 'numberarray',
                        generate: 'sn',
                        buildArrayHelper: [{ extract: '$.orders.items.serials[*]' }],
                      },
                    ],
                  },
                ],
              },
            ],
          },
        ],
      }),
    ).toStrictEqual({
      v: [
        {
          id: 1,
          lines: [
            { sku: 's1', sn: [10, 11] },
            { sku: 's2', sn: [] },
          ],
        },
        { id: 2, lines: [{ sku: 's3', sn: [12] }] },
        { id: 3 },
      ],
    });
  });

  it('iterates paths that only JSONPath understands', () => {
    expect(
      one({
        ...active,
        dataType: 'objectarray',
        generate: 'v',
        buildArrayHelper: [
          {
            extract: '$.orders[?(@.id>1)].items[*]',
            mappings: [
              { ...text, generate: 'sku', extract: '$.orders.items.sku' },
              { ...text, generate: 'c', extract: '$.customer' },
            ],
          },
        ],
      }),
    ).toStrictEqual({ v: [{ sku: 's3', c: 'c1' }] });
  });

  it('maps grouped records, whose root is an array', () => {
    const rows = [{ id: 1 }, { id: 2 }];
    expect(
      map(
        [
          { ...text, generate: 'first', extract: '$[0].id' },
          {
            ...active,
            dataType: 'objectarray',
            generate: 'all',
            buildArrayHelper: [{ extract: '$[*]', mappings: [{ ...text, generate: 'x', extract: '$.id' }] }],
          },
          { ...text, generate: 'second', extract: '{{rows.1.id}}' },
        ],
        rows,
      ),
    ).toStrictEqual({ first: '1', all: [{ x: '1' }, { x: '2' }], second: '2' });
  });

  it('an empty source array makes an empty array; a missing one leaves the field out', () => {
    const field: Mapping2[number] = {
      ...active,
      dataType: 'objectarray',
      generate: 'v',
      buildArrayHelper: [{ extract: '$.items[*]', mappings: [{ ...text, generate: 'x', extract: '$.items.x' }] }],
    };
    expect(one(field, { items: [] })).toStrictEqual({ v: [] });
    expect(one(field, {})).toStrictEqual({});
  });

  it.each(['$[0]', '$.a,$.b', '$.a[*], $.b[*]'])(
    '%s at the level of a helper makes the array null (observed)',
    (extract) => {
      const field: Mapping2[number] = {
        ...active,
        dataType: 'objectarray',
        generate: 'v',
        buildArrayHelper: [{ extract, mappings: [{ ...text, generate: 'x', extract: '$.x' }] }],
      };
      expect(one(field, [{ x: 1 }])).toStrictEqual({ v: null });
    },
  );

  it.each<[string, MappingArrayHelper, JsonValue, unknown]>([
    ['its default where nothing is found', { extract: '$.none', default: 'd' }, {}, { v: ['d'] }],
    ['its default where the array is empty', { extract: '$.a[*]', default: 'd' }, { a: [] }, { v: ['d'] }],
    ['its elements where there are some', { extract: '$.a', default: 'd' }, { a: ['x'] }, { v: ['x'] }],
    ['nothing of nothing', { extract: '$.a', conditional: { when: 'extract_not_empty' } }, { a: [] }, {}],
    ['no default either', { extract: '$.a', default: 'd', conditional: { when: 'extract_not_empty' } }, {}, {}],
    ['elements all the same', { extract: '$.a', conditional: { when: 'extract_not_empty' } }, { a: [1] }, { v: ['1'] }],
  ])('a helper gives %s', (_, helper, record, result) => {
    expect(
      one({ ...active, dataType: 'stringarray', generate: 'v', buildArrayHelper: [helper] }, record),
    ).toStrictEqual(result);
  });

  it('copies a source that is right already, of any type', () => {
    expect(one({ ...active, dataType: 'object', generate: 'v', extract: '$.o' }, { o: { a: 1 } })).toStrictEqual({
      v: { a: 1 },
    });
    expect(
      one({ ...active, dataType: 'objectarray', generate: 'v', extract: '$.o[*]' }, { o: [{ a: 1 }] }),
    ).toStrictEqual({ v: [{ a: 1 }] });
  });

  const children: Mapping2 = [{ ...text, generate: 'x', extract: '$.customer' }];
  const order = { id: 3 };
  it.each<[string, CopySource | undefined, unknown, unknown]>([
    ['"yes"', 'yes', { id: 3 }, [{ id: 3 }, { id: 3 }]],
    ['true', true, { id: 3 }, [{ id: 3 }, { id: 3 }]],
    ['"no"', 'no', { x: 'c1' }, [{ x: 'c1' }, { x: 'c1' }]],
    ['false', false, { x: 'c1' }, [{ x: 'c1' }, { x: 'c1' }]],
    ['nothing', undefined, { x: 'c1' }, [{ x: 'c1' }, { x: 'c1' }]],
  ])('copySource %s: what the extract finds, or the children', (_, copySource, object, array) => {
    const record = { customer: 'c1', o: order, list: [order, order] };
    const copy = { copySource, mappings: children };
    const fields: Mapping2 = [
      { ...active, dataType: 'object', generate: 'o', extract: '$.o', ...copy },
      { ...active, dataType: 'objectarray', generate: 'a', buildArrayHelper: [{ extract: '$.list[*]', ...copy }] },
      { ...active, dataType: 'objectarray', generate: 'b', extract: '$.list[*]', ...copy },
    ];
    expect(map(fields, record)).toStrictEqual({ o: object, a: array, b: array });
  });

  it('copySource copies the record itself, the element of an array, and nothing where nothing is found', () => {
    const copied = { copySource: 'yes', mappings: children } as const;
    const fields: Mapping2 = [
      { ...active, dataType: 'object', generate: 'all', extract: '$', ...copied },
      { ...active, dataType: 'objectarray', generate: 'one', buildArrayHelper: [{ extract: '$', ...copied }] },
      {
        ...active,
        dataType: 'objectarray',
        generate: 'each',
        buildArrayHelper: [
          {
            extract: '$.list[*]',
            mappings: [{ ...active, dataType: 'object', generate: 'it', extract: '$.list', ...copied }],
          },
        ],
      },
      { ...active, dataType: 'object', generate: 'none', extract: '$.none', ...copied },
      { ...active, dataType: 'object', generate: 'dflt', extract: '$.none', default: '{"d":1}', ...copied },
    ];
    const record = { list: [{ id: 3 }] };
    expect(map(fields, record)).toStrictEqual({
      all: record,
      one: [record],
      each: [{ it: { id: 3 } }],
      dflt: { d: 1 },
    });
  });

  it('lookups and dates convert the elements of arrays of scalars', () => {
    const lookups: Lookup[] = [{ name: 'l', map: { a: '2024-02-28' }, allowFailures: true }];
    expect(
      map(
        [
          {
            ...active,
            dataType: 'stringarray',
            generate: 'v',
            extract: '$.v',
            lookupName: 'l',
            generateDateFormat: 'YYYY',
          },
        ],
        { v: ['a', 'b', null] },
        { lookups },
      ),
    ).toStrictEqual({ v: ['2024', null, null] });
  });

  it('an object with a condition is left out where its source is empty, whatever its default', () => {
    const field: Mapping2[number] = {
      ...active,
      dataType: 'object',
      generate: 'v',
      extract: '$.o',
      conditional: { when: 'extract_not_empty' },
      default: '{"d":1}',
      mappings: [{ ...text, generate: 'c', extract: 'x' }],
    };
    expect(one(field, { o: 1 })).toStrictEqual({ v: { c: 'x' } });
    expect(one(field, {})).toStrictEqual({});
  });

  it('one array without a name is the record, for grouped output', () => {
    expect(
      one(
        {
          ...active,
          dataType: 'objectarray',
          buildArrayHelper: [{ extract: '$.a[*]', mappings: [{ ...text, generate: 'x', extract: '$.a.x' }] }],
        },
        { a: [{ x: 1 }, { x: 2 }] },
      ),
    ).toStrictEqual([{ x: '1' }, { x: '2' }]);
  });

  it('arrays of arrays take inner arrays without a name', () => {
    expect(
      one({
        ...active,
        dataType: 'arrayarray',
        generate: 'v',
        buildArrayHelper: [
          { mappings: [{ ...active, dataType: 'stringarray', extract: '$.tags' }] },
          { extract: '$.orders[*]', mappings: [{ ...active, dataType: 'numberarray', extract: '$.orders.id' }] },
        ],
      }),
    ).toStrictEqual({ v: [['a', 'b'], [1], [2], [3]] });
  });
});

describe('input contexts', () => {
  it('envelope: record, settings and job under their names', () => {
    expect(
      map(
        [
          { ...text, generate: 'a', extract: '$.record.id' },
          { ...text, generate: 'b', extract: '$.settings.flow.region' },
          { ...text, generate: 'c', extract: '$.job._id' },
          { ...text, generate: 'd', extract: '{{record.id}}' },
          { ...text, generate: 'e', extract: '$.id' },
          {
            ...active,
            dataType: 'objectarray',
            generate: 'f',
            buildArrayHelper: [
              {
                extract: '$.record.xs[*]',
                mappings: [
                  { ...text, generate: 'x', extract: '$.record.xs.x' },
                  { ...text, generate: 't', extract: '{{record.xs.x}}' },
                ],
              },
            ],
          },
        ],
        { id: 1, xs: [{ x: 2 }] },
        { input: 'envelope' },
      ),
    ).toStrictEqual({ a: '1', b: 'eu', c: 'job', d: '1', f: [{ x: '2', t: '2' }] });
  });

  it('settings: `_CONTEXT` beside the fields (decision 23)', () => {
    expect(
      map(
        [
          { ...text, generate: 'a', extract: '$.id' },
          { ...text, generate: 'b', extract: '$._CONTEXT.settings.flow.region' },
          { ...text, generate: 'c', extract: '$._CONTEXT.job._id' },
        ],
        { id: 1 },
        { input: 'settings' },
      ),
    ).toStrictEqual({ a: '1', b: 'eu', c: 'job' });
  });
});

describe('conditions on the operation', () => {
  const fields: Mapping2 = [
    { ...text, generate: 'c', extract: 'x', conditional: { when: 'record_created' } },
    { ...text, generate: 'u', extract: 'x', conditional: { when: 'record_updated' } },
  ];
  it('are decided when the operation is known, and refused otherwise', () => {
    expect(map(fields, {}, { operation: 'create' })).toStrictEqual({ c: 'x' });
    expect(map(fields, {}, { operation: 'update' })).toStrictEqual({ u: 'x' });
    expect(map(fields, {})).toMatchObject({ error: { code: 'not_supported' } });
  });
});

it('leaves the input as it was', () => {
  const record = { items: [{ x: 1 }], o: { a: 1 } };
  const before = structuredClone(record);
  map(
    [
      {
        ...active,
        dataType: 'objectarray',
        generate: 'v',
        buildArrayHelper: [
          { extract: '$.items[*]', mappings: [{ ...text, generate: 't', extract: '{{record.items.x}}' }] },
        ],
      },
      { ...active, dataType: 'object', generate: 'o', extract: '$.o' },
    ],
    record,
  );
  expect(record).toStrictEqual(before);
});
