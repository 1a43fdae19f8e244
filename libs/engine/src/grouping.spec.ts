import { describe, expect, it } from '@jest/globals';
import type { Export, JsonValue } from '#model';
import { compileGrouping, groupAdjacent } from './grouping.js';

const grouped = (source: Partial<Export>, records: readonly JsonValue[]) =>
  groupAdjacent(records, compileGrouping({ name: 'export', ...source })!);

describe('grouping (runtime §7.2)', () => {
  it.each<[string, Partial<Export>]>([
    ['groupByFields', { groupByFields: ['order.id'] }],
    ['file.groupByFields', { file: { groupByFields: ['order.id'] } }],
    ['file.csv.keyColumns', { file: { csv: { keyColumns: ['order.id'] } } }],
  ])('groups adjacent records by %s', (_, source) => {
    const rows = [{ order: { id: 1 }, n: 1 }, { order: { id: 1 }, n: 2 }, { order: { id: 2 } }, { order: { id: 1 } }];
    expect(grouped(source, rows)).toEqual([[rows[0], rows[1]], [rows[2]], [rows[3]]]);
  });

  it('takes a column by its literal name, dots and all', () => {
    const rows = [{ 'Order No.': 'A' }, { 'Order No.': 'A' }, { 'Order No.': 'B' }];
    expect(
      grouped({ file: { csv: { keyColumns: ['Order No.'] } } }, rows).map((group) => (group as []).length),
    ).toEqual([2, 1]);
  });

  it('compares all fields, with their types', () => {
    const rows = [
      { a: 1, b: 'x' },
      { a: 1, b: 'y' },
      { a: '1', b: 'y' },
    ];
    expect(grouped({ groupByFields: ['a', 'b'] }, rows)).toHaveLength(3);
  });

  it.each<[object, number]>([
    [{}, 3],
    [{ groupEmptyValues: false }, 3],
    [{ groupEmptyValues: true }, 1],
  ])('groups records that have nothing to group by, with %j, into %d', (options, n) => {
    const rows = [{ a: '' }, { a: null }, {}];
    expect(grouped({ file: { groupByFields: ['a'], ...options } }, rows)).toHaveLength(n);
  });

  it.each<Partial<Export>>([{}, { groupByFields: [] }, { groupByFields: ['a'], skipGrouping: true }])(
    'does not group %p',
    (source) => {
      expect(compileGrouping({ name: 'export', ...source })).toBeUndefined();
    },
  );

  it('cannot be led to prototypes', () => {
    const rows = [{ a: 1 }, { a: 2 }];
    expect(grouped({ groupByFields: ['__proto__', 'constructor.name'] }, rows)).toEqual([[rows[0]], [rows[1]]]);
  });
});
