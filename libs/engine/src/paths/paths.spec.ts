import { describe, expect, it } from '@jest/globals';
import type { JsonValue } from '#model';
import { compileExtract, compileJsonPath, compileSetter, every, parsePath } from './index.js';

describe('parsing paths (runtime §11, §15)', () => {
  it.each<[string, readonly unknown[] | null]>([
    ['a', ['a']],
    ['a.b', ['a', 'b']],
    ['a[0].b', ['a', '0', 'b']],
    ['a.0.b', ['a', '0', 'b']],
    ['[0].x', ['0', 'x']],
    ['a.[Field Name].b', ['a', 'Field Name', 'b']],
    ["a['b.c']", ['a', 'b.c']],
    ['a["b]c"].d', ['a', 'b]c', 'd']],
    [String.raw`a['it\'s']`, ['a', "it's"]],
    ['a[*].b', ['a', every, 'b']],
    ['*.id', [every, 'id']],
    ['*.[Internal ID]', [every, 'Internal ID']],
    ['Field Name', ['Field Name']],
    ['', null],
    ['a.', null],
    ['.a', null],
    ['a..b', null],
    ['a[', null],
    ['a[]', null],
    ["a['b", null],
    ['a[0]b', null],
  ])('%s', (path, segments) => {
    expect(parsePath(path)).toEqual(segments);
  });
});

describe('reading', () => {
  const record = { a: [{ b: 1, 'c d': 'x' }, { b: [2, 3] }], o: { n: null }, 's p': 'y', t: 'text' };
  it.each<[string, JsonValue | undefined]>([
    ['a[0].b', 1],
    ['a.1.b.0', 2],
    ['a.[0].[c d]', 'x'],
    ['o.n', null],
    ['o.n.x', undefined],
    ['t.length', undefined],
    ['a.length', 2],
    ['a[*].b', [1, [2, 3]]],
    ['a[*].b[*]', [2, 3]],
    ['$.a[0].b', 1],
    ['$', record],
    ["$['s p']", 'y'],
    ['$.[s p]', 'y'],
    ['$.a[*].b', [1, [2, 3]]],
    ['$..b', [1, [2, 3]]],
    ['$.a[-1].b', [2, 3]],
    ["$['o','t']", [{ n: null }, 'text']],
    ['$.a[?(@.b==1)].b', [1]],
    ['$.none', undefined],
  ])('%s', (path, value) => {
    expect(compileExtract(path)?.(record)).toEqual(value);
  });

  it.each(['$[', '$.a[?', 'a[', '$x y'])('%s is malformed', (path) => {
    expect(compileExtract(path)).toBeNull();
  });

  it.each([
    '__proto__',
    'constructor',
    'a.constructor',
    'a.map',
    '__proto__.toString',
    '$.__proto__',
    "$['constructor']",
    'toString',
  ])('%s reaches no prototype', (path) => {
    expect(compileExtract(path)?.(record)).toBeUndefined();
  });

  it('own members with such names are data', () => {
    const hostile = JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}') as JsonValue;
    expect(compileExtract('__proto__.x')?.(hostile)).toBe(1);
    expect(compileExtract('constructor')?.(hostile)).toBe(2);
  });

  it('a path longer than any record is deep is no path', () => {
    expect(compileExtract(Array.from({ length: 300 }, () => 'a').join('.'))).toBeNull();
  });

  it('a query that matches without end fails instead of filling the memory', () => {
    const wide = { a: Array.from({ length: 1000 }, (_, x) => Array.from({ length: 300 }, () => x)) };
    expect(() => compileExtract('$..*')?.(wide)).toThrow(RangeError);
  });

  it('plain `$` paths are known as segments, so that compilers can inline them', () => {
    expect(compileJsonPath('$.a.b')?.segments).toEqual(['a', 'b']);
    expect(compileJsonPath('$.a[*].b')?.segments).toEqual(['a', every, 'b']);
    expect(compileJsonPath("$['a','b']")?.segments).toBeUndefined();
    expect(compileJsonPath('$.a[0:1]')?.segments).toBeUndefined();
  });
});

describe('writing', () => {
  const write = (path: string, target: Record<string, unknown>, shared = false) => {
    compileSetter(path, { shared })?.(target, 1);
    return target;
  };
  it.each<[string, Record<string, unknown>, unknown]>([
    ['a', {}, { a: 1 }],
    ['a.b', {}, { a: { b: 1 } }],
    ['a.b', { a: 5 }, { a: { b: 1 } }],
    ['a.b', { a: { c: 2 } }, { a: { b: 1, c: 2 } }],
    ['a[1].b', {}, { a: [null, { b: 1 }] }],
    ['a[0]', { a: { x: 1 } }, { a: { x: 1, '0': 1 } }],
    ['a.length', { a: [1, 2] }, { a: { length: 1 } }],
  ])('%s onto %j', (path, target, result) => {
    expect(write(path, target)).toStrictEqual(result);
  });

  it('copies shared containers on the way', () => {
    const shared = { list: [{ x: 0 }] };
    const target: Record<string, unknown> = { ...shared };
    write('list[0].y', target, true);
    expect(target).toEqual({ list: [{ x: 0, y: 1 }] });
    expect(shared).toEqual({ list: [{ x: 0 }] });
  });

  it('never sets named members of an array record', () => {
    const rows = [1, 2, 3] as unknown as Record<string, unknown>;
    expect(write('length', rows)).toHaveLength(3);
    expect(write('a.b', rows)).toEqual([1, 2, 3]);
  });

  it.each([
    '__proto__',
    '__proto__.x',
    'a.__proto__.x',
    'constructor.prototype.x',
    'a.prototype',
    'a[*].b',
    'a[100001]',
    '',
  ])('%s is refused', (path) => {
    expect(compileSetter(path, { shared: false })).toBeNull();
  });
});
