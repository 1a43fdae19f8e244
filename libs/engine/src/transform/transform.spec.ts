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
