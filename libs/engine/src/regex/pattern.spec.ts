import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { differentialRuns } from '../testing/differential.js';
import { compilePattern, PatternError, patternOf } from './index.js';

describe('patterns mean what they mean in JavaScript', () => {
  it.each<[pattern: string, flags: string, text: string, matches: boolean]>([
    ['^A.a$', '', 'Ana', true],
    ['[0-9]+$', '', 'x12', true],
    [String.raw`\d{2,3}-\w+?`, '', '12-ab', true],
    [String.raw`\s`, '', '\u00A0', true],
    [String.raw`[^\s]`, '', '\u000B', false],
    [String.raw`\S`, '', '\uFEFF', false],
    [String.raw`[\S]`, '', 'x', true],
    ['.', '', '\u2028', false],
    ['.', 's', '\u2028', true],
    ['[^]', '', '\n', true],
    ['[]', '', 'x', false],
    ['^b', 'm', 'a\nb', true],
    ['ANA', 'i', 'ana', true],
    [String.raw`\u0041\x42\cI\0\/`, '', 'AB\t\0/', true],
    [String.raw`^[\b\]\-\w-.[]+$`, '', '\b]-a.[', true],
    ['a{', '', 'a{', true],
    ['[[:alpha:]]', '', ':]', true],
    ['(?<=€)\\d+', '', '€5', true],
    ['(?<!a)b', '', 'ab', false],
    [String.raw`\p{Lu}`, 'u', 'É', true],
    ['^.$', '', '😀', true],
    [String.raw`^\uD83D\uDE00$`, '', '😀', true],
    ['(a|b)*c', '', 'ababc', true],
    [String.raw`\Aa`, '', 'Aa', true],
  ])('/%s/%s on %j: %s', (pattern, flags, text, matches) => {
    expect(compilePattern(pattern, flags).test(text)).toBe(matches);
  });

  it('finds where, which, and replaces the first or all', () => {
    expect(compilePattern(String.raw`\.`).search('$1499.95')).toBe(5);
    expect(compilePattern('b').search('😀b')).toBe(2);
    expect(compilePattern('x').search('y')).toBe(-1);
    expect(compilePattern(String.raw`\d+`).match('a1b22', 1)).toBe('22');
    expect(compilePattern(String.raw`\d+`).match('a1b22', 2)).toBeUndefined();
    expect(compilePattern('(a)(?<n>b)').replace('abab', '$2$1$<n>$&$$')).toBe('babab$ab');
    expect(compilePattern('a', 'g').replace('aba', 'x')).toBe('xbx');
    expect(compilePattern('', 'g').replace('ab', '-')).toBe('-a-b-');
  });

  const atom = fc.constantFrom(
    'a',
    'b',
    '.',
    '[ab]',
    '[^a]',
    '^',
    '$',
    String.raw`\b`,
    String.raw`\d`,
    String.raw`\s`,
    '(?:ab)',
    '(a|b)',
  );
  const pattern = fc
    .array(fc.tuple(atom, fc.constantFrom('', '', '', '?', '*', '+', '{1,2}', '*?')), { minLength: 1, maxLength: 5 })
    .map((terms) => terms.map(([a, q]) => (/^(?:\^|\$|\\b)$/.test(a) ? a : a + q)))
    .chain((terms) => fc.constantFrom(terms.join(''), terms.join('|')));
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1', ' ', '\n', '\u00A0'), maxLength: 8 });

  it(`in ${differentialRuns} random cases`, () => {
    fc.assert(
      fc.property(pattern, fc.constantFrom('', 'g', 'i', 's', 'm', 'gs'), text, (source, flags, searched) => {
        const ours = compilePattern(source, flags);
        const native = new RegExp(source, flags);
        const fresh = new RegExp(source, flags.replace('g', ''));
        expect([ours.test(searched), ours.search(searched)]).toEqual([fresh.test(searched), searched.search(fresh)]);
        expect(ours.replace(searched, '<$&>')).toBe(searched.replace(native, '<$&>'));
        const all = [...searched.matchAll(new RegExp(source, `${flags.replace('g', '')}g`))];
        expect(ours.match(searched, 1)).toBe(all[1]?.[0]);
      }),
      { numRuns: differentialRuns },
    );
  });
});

describe('patterns that are refused', () => {
  it.each<[string, string, string]>([
    ['(', '', 'malformed'],
    ['a**', '', 'malformed'],
    ['(?i)a', '', 'malformed'],
    ['a(?=b)', '', 'look-ahead'],
    ['a(?!b)', '', 'look-ahead'],
    [String.raw`(a)\1`, '', 'back-reference'],
    [String.raw`(?<n>a)\k<n>`, '', 'back-reference'],
    ['(?i:a)', '', 'group'],
    ['a{1001}', '', 'repeat'],
    ['(a{1000}){3}', '', 'too large'],
    ['a', 'y', 'flags'],
    ['a', 'gg', 'malformed'],
  ])('/%s/%s', (source, flags, reason) => {
    expect(() => compilePattern(source, flags)).toThrow(PatternError);
    expect(() => compilePattern(source, flags)).toThrow(reason);
  });

  it('of more than 4,000 characters', () => {
    expect(() => compilePattern('a'.repeat(4_001))).toThrow('at most');
  });
});

it('patterns of records are compiled once as long as they are in use', () => {
  const first = patternOf('a+', 'g');
  expect(patternOf('a+', 'g')).toBe(first);
  expect(patternOf('a+', '')).not.toBe(first);
  for (let other = 0; other < 100; other += 1) patternOf(`a{${other}}`);
  expect(patternOf('a+', 'g')).not.toBe(first);
  expect(() => patternOf('(')).toThrow(PatternError);
});

describe('hostile patterns end (P7)', () => {
  const long = 'a'.repeat(100_000);
  it.each(['(a+)+$', '(a|aa)+$', '(.*a){20}$', '(x+x+)+y', '^(([a-z])+.)+[A-Z]([a-z])+$'])('%s', (source) => {
    expect(compilePattern(source).test(`${long}!`)).toBe(false);
  });

  it('a text too long for the size of the pattern is refused', () => {
    expect(() => compilePattern('(a?){200}a{200}$').test(long)).toThrow('too long');
  });

  it('matches that read all that is left, each, are refused', () => {
    expect(() => compilePattern('[^z]*z|a', 'g').replace(long, '')).toThrow('too long');
    expect(() => compilePattern('a(?:.*z)?', 'g').replace(long, '')).toThrow('too long');
    expect(() => compilePattern('[^z]*z|a').match(long, 90_000)).toThrow('too long');
    expect(compilePattern('[^z]+', 'g').replace(long, '')).toBe('');
    expect(compilePattern('<[^>]+>|a', 'g').replace(long.slice(0, 1_000), '')).toBe('');
  });

  it('replacements grow no text without bounds', () => {
    expect(() => compilePattern('a', 'g').replace(long, 'x'.repeat(1_000))).toThrow('more than');
    expect(() => compilePattern('a+', 'g').replace(long, '$&'.repeat(1_000))).toThrow('more than');
    expect(() => compilePattern('a', 'g').replace('aa', '$`')).toThrow('must not');
    expect(compilePattern('a').replace(long, 'x'.repeat(1_000))).toHaveLength(100_999);
  });
});
