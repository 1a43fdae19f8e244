import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JsonRecord } from '#model';
import { differentialRuns } from '../testing/differential.js';
import { renderWithHandlebars } from '../testing/stock-handlebars.js';
import { compileTemplate } from './compile-template.js';
import { work } from './work.js';

/** Values that differ from each other, and have nothing to escape: the library escapes for HTML. */
const root: JsonRecord = {
  a: 'A1',
  b: 'two words',
  n: 42,
  zero: 0,
  blank: '',
  yes: true,
  no: false,
  nil: null,
  empty: [],
  xs: ['p', 'q', 'r'],
  ns: [3, 10, 7],
  o: { x: 'ox', yes: true, list: [{ sku: 'S1', qty: 2 }, { sku: 'S2' }], deep: { n: 5 } },
  rows: [
    { sku: 'K1', tags: ['t', 'u'], yes: true, o: { x: 'rx' } },
    { sku: 'K2', tags: [], no: false, xs: [['l'], ['m']] },
  ],
  '0': 'zeroth',
  'Field Name': 'spaced',
};

/** Lead into the current scope, so that a block never opens the scope it is in: the library then opens none. */
const downwards = [
  'a',
  'n',
  'zero',
  'blank',
  'yes',
  'no',
  'nil',
  'none',
  'empty',
  'xs',
  'ns',
  'o',
  'rows',
  'sku',
  'tags',
  'o.list',
  'o.deep',
  'rows.[0]',
  'rows.[1].xs',
  'o.none.x',
  'this.rows',
  './o',
  '[Field Name]',
  'b.length',
  'xs.length',
];
const anywhere = [
  ...downwards,
  'this',
  '.',
  '../a',
  '../sku',
  '../../a',
  '../this.n',
  '@root.a',
  '@root.o.x',
  '../o.x',
  '../../rows.0.sku',
  '@index',
  '@key',
  '@first',
  '@last',
  '@../index',
  '@../key',
  '@none',
  'item',
  'item.sku',
  'at',
  'toString',
  'constructor.name',
  '__proto__',
  'o.x.length',
  'item.length',
];
const literals = ['"q"', "'S1'", '3', '-1', 'true', 'false', 'null', 'undefined', '""'];

const path = fc.constantFrom(...anywhere);
const argument = fc.oneof({ weight: 3, arbitrary: path }, fc.constantFrom(...literals));

const expression = fc.letrec<{ value: string; call: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2 },
    argument,
    tie('call').map((call) => `(${call})`),
  ),
  call: fc.oneof(
    fc
      .tuple(fc.constantFrom('uppercase', 'trim', 'camelcase', 'reverse', 'chop', 'typeOf', 'abs'), tie('value'))
      .map((parts) => parts.join(' ')),
    fc
      .tuple(
        fc.constantFrom('join', 'add', 'eq', 'replacefirst', 'split', 'occurrences', 'and', 'or'),
        tie('value'),
        tie('value'),
      )
      .map((parts) => parts.join(' ')),
  ),
})).call;

const value = fc.oneof(
  { weight: 3, arbitrary: argument },
  expression.map((call) => `(${call})`),
);

const opening = fc.oneof(
  fc.tuple(fc.constantFrom('if', 'unless', 'not', 'isEmpty', 'ifEven'), value).map((parts) => parts.join(' ')),
  fc
    .tuple(fc.constantFrom('and', 'or', 'neither', 'contains', 'inArray', 'startsWith'), value, value)
    .map((parts) => parts.join(' ')),
  fc
    .tuple(value, fc.constantFrom('==', '===', '!=', '!==', '<', '>', '<=', '>='), value)
    .map(([left, operator, right]) => `compare ${left} "${operator}" ${right}`),
);
const scoped = fc.oneof(
  fc
    .tuple(fc.constantFrom(...downwards), fc.constantFrom('', ' as |item|', ' as |item at|'))
    .map(([list, parameters]) => `each ${list}${parameters}`),
  fc
    .tuple(fc.constantFrom(...downwards), fc.constantFrom('', ' as |item|'))
    .map(([at, parameters]) => `with ${at}${parameters}`),
  fc.constantFrom(...downwards),
);

const template = fc.letrec<{ body: string; statement: string; block: string }>((tie) => ({
  body: fc.array(tie('statement'), { maxLength: 4 }).map((statements) => statements.join('')),
  statement: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('text', ' ', '\n', ' {\n', '{{! note }}', String.raw`\{{a}}`),
    path.map((name) => `{{${name}}}`),
    path.map((name) => `{{~${name}~}}`),
    expression.map((call) => `{{${call}}}`),
    tie('block'),
    tie('block'),
  ),
  block: fc
    .tuple(
      fc.oneof(opening, scoped),
      tie('body'),
      fc.option(tie('body')),
      fc.option(fc.tuple(opening, tie('body'))),
      fc.constantFrom('#', '#', '#', '^'),
    )
    .map(([head, main, otherwise, chained, sign]) => {
      const name = /^\[.*\]|^\S+/.exec(head)![0];
      const start = sign === '^' && head.includes('|') ? '#' : sign;
      const chain = chained === null || start === '^' ? '' : `{{else ${chained[0]}}}${chained[1]}`;
      const rest = otherwise === null ? '' : `{{else}}${otherwise}`;
      return `{{${start}${head}}}${main}${chain}${rest}{{/${name}}}`;
    }),
})).body;

it('renders as the Handlebars library does', () => {
  fc.assert(
    fc.property(template, (text) => {
      work.begin(); // the oracle shares the helpers, which charge for their work
      const expected = renderWithHandlebars(text, root);
      const compiled = compileTemplate(text, { target: 'xml', source: 'resource' });
      expect(compiled.render(root, { nowMs: () => 0 })).toBe(expected);
    }),
    { numRuns: Math.ceil(differentialRuns / 5) }, // the library takes milliseconds to compile each
  );
});
