import { describe, expect, it } from '@jest/globals';
import type { JsonValue, TransformExpression } from '#model';
import { runContext } from '../testing/contexts.js';
import { compileTransform } from './index.js';

const scope = { settings: { flow: { region: 'eu' } }, roots: {} };
const apply = (transform: TransformExpression, record: JsonValue) => {
  const compiled = compileTransform(transform, scope);
  if ('error' in compiled) return compiled;
  if ('identity' in compiled) return record;
  if ('script' in compiled) return compiled;
  const mapped = compiled.map(record, runContext());
  return 'value' in mapped ? mapped.value : mapped.failure;
};
const one = (...rules: { extract?: string; generate?: string }[]): TransformExpression => ({
  type: 'expression',
  expression: { version: '1', rules: [rules] },
});

describe('transform 1.0 (runtime §11)', () => {
  it('has only generated fields', () => {
    expect(apply(one({ extract: 'a.b', generate: 'x.y' }), { a: { b: 1 }, c: 2 })).toStrictEqual({ x: { y: 1 } });
  });
  it.each<[string, JsonValue, unknown]>([
    ['id', { id: 1 }, 1],
    ['a.b', { a: { b: 1 } }, 1],
    ['/Envelope/Body/id', { Envelope: { Body: { id: 1 } } }, 1],
    ['*.id', [{ id: 1 }, { id: 2 }], [1, 2]],
    ['*.[Internal ID]', [{ 'Internal ID': 1 }], [1]],
    ['SDF[0]', { SDF: [1] }, 1],
    ['{{id}}-{{record.id}}', { id: 1 }, '1-1'],
    ['tags[*]', { tags: [1, 2] }, [1, 2]],
    ['$.a.b', { a: { b: 1 } }, 1],
    ["a.['x y']", { a: { 'x y': 1 } }, 1],
    ['/__proto__/x', {}, undefined],
    ['none', {}, undefined],
    ['blank', { blank: '' }, ''],
  ])('%s', (extract, record, value) => {
    expect(apply(one({ extract, generate: 'v' }), record)).toStrictEqual(value === undefined ? {} : { v: value });
  });
  it('targets with [*] become lists', () => {
    expect(
      apply(
        one(
          { extract: 'lines[*].sku', generate: 'items[*].code' },
          { extract: 'lines[*].qty', generate: 'items[*].n' },
        ),
        {
          lines: [{ sku: 'a', qty: 1 }, { sku: 'b' }],
        },
      ),
    ).toStrictEqual({ items: [{ code: 'a', n: 1 }, { code: 'b' }] });
  });
  it('takes rules at the top level too', () => {
    expect(apply({ version: '1', rules: [[{ extract: 'a', generate: 'b' }]] }, { a: 1 })).toStrictEqual({ b: 1 });
  });
});

describe('transform 2.0 (runtime §11)', () => {
  const two = (mode: 'create' | 'modify', inputContext: 'record' | 'envelope' = 'record'): TransformExpression => ({
    expression: {
      version: '2',
      rulesTwoDotZero: {
        mode,
        inputContext,
        mappings: [
          {
            status: 'Active',
            dataType: 'string',
            generate: 'name',
            extract: inputContext === 'record' ? '$.n' : '$.record.n',
          },
          {
            status: 'Active',
            dataType: 'object',
            generate: 'o',
            mappings: [{ status: 'Active', dataType: 'string', generate: 'r', extract: '{{settings.flow.region}}' }],
          },
        ],
      },
    },
  });
  const record = { n: 'Ana', o: { kept: 1 } };
  it('create builds a new record', () => {
    expect(apply(two('create'), record)).toStrictEqual({ name: 'Ana', o: { r: 'eu' } });
    expect(apply(two('create', 'envelope'), record)).toStrictEqual({ name: 'Ana', o: { r: 'eu' } });
  });
  it('modify lays its fields over the record, which stays as it was', () => {
    expect(apply(two('modify'), record)).toStrictEqual({ n: 'Ana', name: 'Ana', o: { kept: 1, r: 'eu' } });
    expect(record).toStrictEqual({ n: 'Ana', o: { kept: 1 } });
  });
  it('create of a grouped record roots at the rows', () => {
    const rows: TransformExpression = {
      expression: {
        version: '2',
        rulesTwoDotZero: {
          mode: 'create',
          mappings: [
            { status: 'Active', dataType: 'string', generate: 'first', extract: '$[0].n' },
            { status: 'Active', dataType: 'stringarray', generate: 'all', extract: '$[*].n' },
          ],
        },
      },
    };
    expect(apply(rows, [{ n: 1 }, { n: 2 }])).toStrictEqual({ first: '1', all: ['1', '2'] });
  });
  it('static lookups of the transform translate, and fail in its stage', () => {
    const looked: TransformExpression = {
      expression: {
        version: '2',
        rulesTwoDotZero: {
          mode: 'create',
          lookups: [{ name: 'l', map: { a: 'b' } }],
          mappings: [
            { status: 'Active', dataType: 'string', generate: 'v', extract: '$.v', lookupName: 'l' },
            { status: 'Active', dataType: 'number', generate: 'n', extract: '$.n' },
          ],
        },
      },
    };
    expect(apply(looked, { v: 'a' })).toStrictEqual({ v: 'b' });
    expect(apply(looked, { v: 'x' })).toMatchObject({ code: 'lookup_failed', source: 'lookup' });
    expect(apply(looked, { n: 'x' })).toMatchObject({ code: 'cast_failed', source: 'transformation' });
  });
  it('array records pass modify unchanged', () => {
    expect(apply(two('modify'), [record])).toStrictEqual([record]);
  });
});

it('no rules transform nothing; scripts are named, to be called a page at a time', () => {
  expect(compileTransform(undefined, scope)).toEqual({ identity: true });
  expect(compileTransform({ expression: { version: '1', rules: [[]] } }, scope)).toEqual({ identity: true });
  const script = { _scriptId: '1'.repeat(24), function: 'shape' };
  expect(apply({ type: 'script', script }, {})).toStrictEqual({ script });
});
