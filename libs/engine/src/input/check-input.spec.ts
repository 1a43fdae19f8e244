import { describe, expect, it } from '@jest/globals';
import type { JsonRecord } from '#model';
import { checkInput, inputSchemaIssues } from './index.js';

const schema: JsonRecord = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  additionalProperties: false,
  required: ['region'],
  properties: {
    region: { enum: ['eu', 'us'] },
    since: { type: 'string', format: 'date' },
    skus: { type: 'array', items: { $ref: '#/$defs/sku' }, uniqueItems: true },
    rows: { type: 'array', uniqueItems: true },
    'a/b': { type: 'integer' },
  },
  $defs: { sku: { type: 'string', pattern: '^[A-Z]{2}-\\d+$' } },
};

describe('the input of a run', () => {
  it.each<[string, JsonRecord | undefined]>([
    ['all that is demanded', { region: 'eu' }],
    ['more', { region: 'us', since: '2026-02-28', skus: ['AB-1', 'AB-2'], rows: [{ a: 1, b: 2 }, { a: 1 }], 'a/b': 4 }],
  ])('may be %s', (_, input) => {
    expect(checkInput({ inputSchema: schema }, input)).toEqual([]);
  });

  it.each<[string, JsonRecord | undefined, string[]]>([
    ['nothing', undefined, ['missing_required_field input.region']],
    ['an empty one', {}, ['missing_required_field input.region']],
    ['another value', { region: 'mars' }, ['invalid_field_value input.region']],
    ['an unknown name', { region: 'eu', regoin: 1 }, ['invalid_field input.regoin']],
    [
      'a name of prototypes',
      JSON.parse('{"region":"eu","constructor":{}}') as JsonRecord,
      ['invalid_field input.constructor'],
    ],
    ['a day that is none', { region: 'eu', since: '2026-13-01' }, ['invalid_field_value input.since']],
    ['a text beside its pattern', { region: 'eu', skus: ['AB-1', 'x'] }, ['invalid_field_value input.skus[1]']],
    ['equal items', { region: 'eu', rows: [{ a: 1, b: 2 }, 7, { b: 2, a: 1 }] }, ['invalid_field_value input.rows']],
    [
      'several faults, all told at once',
      { since: 4, 'a/b': 'x' },
      ['missing_required_field input.region', 'invalid_field_value input.since', 'invalid_field_value input.a/b'],
    ],
  ])('must not be %s', (_, input, expected) => {
    const issues = checkInput({ inputSchema: schema }, input);
    expect(issues.map(({ code, field }) => `${code} ${field}`)).toEqual(expected);
  });

  it('is free when the flow has no schema, but for its size', () => {
    expect(checkInput({}, { anything: [1, { goes: null }] })).toEqual([]);
    expect(checkInput({ inputSchema: null }, undefined)).toEqual([]);
    expect(checkInput({}, { text: 'é'.repeat(16_380) })).toMatchObject([{ code: 'max', field: 'input' }]);
  });

  it('is checked with the patterns of its own schema, whatever schemas were met before', () => {
    for (const letter of ['a', 'b', 'c']) {
      const inputSchema = { properties: { text: { pattern: `^${letter}$` } } };
      expect(checkInput({ inputSchema }, { text: letter })).toEqual([]);
      expect(checkInput({ inputSchema }, { text: 'x' })).toHaveLength(1);
    }
  });

  it('tells twenty faults of many', () => {
    const inputSchema = { additionalProperties: { type: 'string' } };
    const input = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`n${i}`, i]));
    expect(checkInput({ inputSchema }, input)).toHaveLength(20);
  });
});

describe('the schema of an input', () => {
  const nested = (depth: number): JsonRecord =>
    Array.from({ length: depth }).reduce<JsonRecord>((inner) => ({ properties: { a: inner } }), {});
  const doubling = (levels: number): JsonRecord => ({
    $ref: '#/$defs/d0',
    $defs: Object.fromEntries(
      Array.from({ length: levels }, (_, i) => {
        const next = { $ref: `#/$defs/d${i + 1}` };
        return [`d${i}`, i === levels - 1 ? { type: 'object' } : { allOf: [next, next] }];
      }),
    ),
  });

  it.each<[string, JsonRecord]>([
    ['nothing', {}],
    ['what it says to people', { title: 'T', description: 'D', examples: [{ a: 1 }], 'x-form': { order: 1 } }],
    ['references to its own places', { properties: { a: { type: 'string' }, b: { $ref: '#/properties/a' } } }],
    ['a property that is called as a keyword', { properties: { $id: { type: 'string' }, $ref: { type: 'string' } } }],
    ['a format that is not checked', { properties: { a: { format: 'colour' } } }],
    ['references that unfold to many values', doubling(8)],
  ])('may hold %s', (_, inputSchema) => {
    expect(inputSchemaIssues(inputSchema)).toEqual([]);
  });

  it.each<[string, JsonRecord, RegExp]>([
    ['a type that is none', { type: 'text' }, /type/],
    ['a remote reference', { $ref: 'https://example.com/schema.json' }, /\$ref must lead/],
    ['a relative reference', { properties: { a: { $ref: 'other.json' } } }, /\$ref must lead/],
    ['a reference to nowhere', { $ref: '#/$defs/none' }, /leads to no schema/],
    ['a reference to what objects inherit', { $ref: '#/constructor' }, /leads to no schema/],
    ['a reference to itself', { anyOf: [{ properties: { a: { $ref: '#' } } }, { type: 'null' }] }, /refer to itself/],
    [
      'a way round',
      { $ref: '#/$defs/a', $defs: { a: { not: { $ref: '#/$defs/b' } }, b: { $ref: '#/$defs/a' } } },
      /itself/,
    ],
    ['references that unfold without end', doubling(14), /unfolded/],
    ['a long list of values', { enum: Array.from({ length: 3_000 }, (_, i) => i) }, /unfolded/],
    ['more levels than anybody needs', nested(40), /nested/],
    ['more text than anybody needs', { description: 'x'.repeat(40_000) }, /characters/],
    ['an id of its own', { $id: 'https://json-schema.org/draft/2020-12/schema' }, /\$id/],
    ['another dialect', { $schema: 'http://json-schema.org/draft-07/schema#' }, /dialect/],
    ['a pattern that looks ahead', { properties: { a: { pattern: '(?=a)b' } } }, /look-ahead/],
    ['a malformed pattern', { patternProperties: { '(': {} } }, /pattern|malformed/],
    ['a property __proto__', { properties: JSON.parse('{"__proto__":{"type":"string"}}') as JsonRecord }, /__proto__/],
  ])('must not hold %s', (_, inputSchema, message) => {
    expect(inputSchemaIssues(inputSchema)).toEqual([
      { code: 'invalid_field_value', field: 'inputSchema', message: expect.stringMatching(message) },
    ]);
  });

  it('is checked in time that grows with the input, whatever its patterns and lists', () => {
    const inputSchema: JsonRecord = {
      properties: {
        text: { pattern: '^(a+)+$' },
        mail: { format: 'email' },
        list: { uniqueItems: true, items: { anyOf: Array.from({ length: 100 }, (_, i) => ({ const: -i })) } },
      },
    };
    const startedMs = performance.now();
    checkInput({ inputSchema }, { text: `${'a'.repeat(30_000)}!` });
    checkInput({ inputSchema }, { mail: `${'a.'.repeat(15_000)}@` });
    checkInput({ inputSchema }, { list: Array.from({ length: 6_000 }, (_, i) => i) });
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });
});
