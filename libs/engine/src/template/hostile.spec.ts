import { describe, expect, it } from '@jest/globals';
import type { JsonRecord } from '#model';
import { compileTemplate } from './compile-template.js';
import type { TemplateTarget } from './template.js';

const failureCode = 'handlebars_template_parse_error';

/** Names that lead out of JSON data, in objects, lists and texts. */
const waysOut = [
  'constructor',
  'constructor.constructor',
  'constructor.prototype',
  'constructor.name',
  '__proto__',
  '__proto__.constructor',
  '__proto__.__proto__',
  '__defineGetter__',
  '__defineSetter__',
  '__lookupGetter__',
  '__lookupSetter__',
  'hasOwnProperty',
  'isPrototypeOf',
  'propertyIsEnumerable',
  'toString',
  'toString.constructor',
  'toLocaleString',
  'valueOf',
  'valueOf.call',
];
const starts = ['', 'record.', 'list.', 'text.', 'number.', 'list.[0].', '@root.', '@root.list.', 'this.', '../'];

/**
 * Published ways out of Handlebars: prototype access (CVE-2019-19919, -20920, CVE-2021-23369, -23383), `lookup` and
 * `helperMissing` (CVE-2019-20922), injected syntax trees, chains of `with` that build a function, partials, decorators.
 */
const attacks = [
  '{{#with "s" as |string|}}{{#with "e"}}{{#with split as |conslist|}}{{this.pop}}{{this.push (lookup string.sub "constructor")}}{{/with}}{{/with}}{{/with}}',
  '{{#with (lookup this "constructor")}}{{#with (lookup this "constructor")}}{{this}}{{/with}}{{/with}}',
  '{{#with "constructor" as |c|}}{{lookup (lookup @root c) c}}{{/with}}',
  '{{lookup record "constructor"}}',
  '{{lookup record "__proto__"}}',
  '{{lookup list "map"}}',
  '{{lookup text "constructor"}}',
  '{{lookup (lookup list "constructor") "constructor"}}',
  '{{lookup "__proto__" "constructor"}}',
  '{{lookup "constructor" "name"}}',
  '{{lookup "states" "__proto__"}}',
  '{{lookup "states" "constructor"}}',
  '{{#each (lookup record "__proto__")}}{{@key}}{{/each}}',
  '{{#each record.constructor}}{{@key}}{{/each}}',
  '{{#each __proto__}}{{@key}}={{this}}{{/each}}',
  '{{getValue "constructor.constructor"}}',
  '{{getValue "__proto__.toString"}}',
  '{{getValue "record.__proto__"}}',
  '{{getValue "list.[constructor]"}}',
  '{{getValue (join "" "constr" "uctor")}}',
  '{{pluck list "constructor"}}',
  '{{pluck list "__proto__.constructor"}}',
  '{{#filter list "x" "constructor.name"}}{{this}}{{/filter}}',
  '{{hasOwn record "constructor"}}',
  '{{hasOwn record "__proto__"}}',
  '{{helperMissing}}',
  '{{blockHelperMissing}}',
  '{{#helperMissing}}x{{/helperMissing}}',
  '{{#blockHelperMissing}}x{{/blockHelperMissing}}',
  '{{helperMissing.constructor}}',
  '{{@root.constructor.constructor}}',
  '{{@__proto__}}',
  '{{@constructor}}',
  '{{@root.__proto__.polluted}}',
  '{{@partial-block}}',
  '{{#each list as |__proto__|}}{{__proto__.constructor}}{{/each}}',
  '{{#each list as |item constructor|}}{{constructor.constructor}}{{/each}}',
  '{{sort list __proto__="x" constructor="y"}}',
  '{{[constructor]}}{{[__proto__]}}',
  '{{"constructor"}}{{"__proto__"}}',
  '{{record.[__proto__].[constructor]}}',
  '{{jsonSerialize record.constructor}}',
  '{{typeOf record.constructor}}',
  '{{split.constructor}}{{uppercase.constructor}}',
  '{{this.constructor.constructor "return process"}}',
  '{{constructor.constructor "return process" "x"}}',
  '{{#constructor}}{{#constructor}}{{this}}{{/constructor}}{{/constructor}}',
  '{{^constructor}}none{{/constructor}}',
  '{{{{constructor}}}}{{this}}{{{{/constructor}}}}',
  '{{#with (jsonParse "{\\"__proto__\\":{\\"polluted\\":1}}")}}{{polluted}}{{/with}}',
  '{{> constructor}}',
  '{{> (lookup this "constructor")}}',
  '{{> @partial-block}}',
  '{{#> layout}}x{{/layout}}',
  '{{#*inline "x"}}y{{/inline}}{{> x}}',
  '{{* constructor}}',
  '{{#* decorate}}x{{/decorate}}',
  '{{log "x" level="constructor"}}',
  '{{eval "process"}}',
  '{{#require "fs"}}{{/require}}',
  '{{"\\"+process.exit()+\\""}}',
  '{{record.["];process.exit();//]}}',
  '${process.exit()}`{{record.none}}`',
  '\u2028{{record.none}}\u2029*/process.exit()/*',
  '{{#if (eq record.none (lookup this "constructor"))}}missing{{/if}}',
  '{{some list constructor}}',
  '{{#some list __proto__}}x{{/some}}',
  '{{compare 1 "constructor" 2}}',
  '{{random "constructor"}}{{random "__proto__"}}',
  '{{base64Encode "x" "constructor"}}',
  '{{hash "constructor" "hex" "x"}}',
  '{{hash "sha256" "constructor" "x"}}',
  '{{dateFormat "YYYY" "2024-01-01" "" "__proto__"}}',
  '{{regexReplace "x" "$`$\'" "x"}}',
];

const targets: readonly TemplateTarget[] = ['text', 'json', 'uri', 'sql', 'xml', 'header'];

/** What an escape would print or leave behind. */
const escaped = /function|native code|\[object (?!Object\])|class |polluted|process\.version|\bFunction\b/;

function context(): JsonRecord {
  const record = JSON.parse('{"id":1,"__proto__x":{"a":1}}') as JsonRecord;
  return { record, list: ['x', { y: 1 }], text: 'abc', number: 7 };
}

describe('ways out of a template (P7, handlebars §9)', () => {
  const paths = starts.flatMap((start) => waysOut.map((name) => `{{${start}${name}}}{{{${start}${name}}}}`));

  it.each([...attacks, ...paths])('%s', (text) => {
    for (const target of targets) {
      const rendered = compileTemplate(text, {
        target,
        source: 'resource',
        staticLookups: { states: { a: 'b' } },
      }).render(context(), { nowMs: () => 0 });
      if (typeof rendered === 'string') expect(rendered.replace(text, '')).not.toMatch(escaped);
      else expect(rendered).toMatchObject({ code: failureCode, source: 'resource' });
    }
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it('takes own members of these names for data', () => {
    const record = JSON.parse('{"__proto__":{"x":"own"},"constructor":"c","toString":"t"}') as JsonRecord;
    const rendered = compileTemplate('{{record.__proto__.x}}{{record.constructor}}{{record.toString}}{{record}}', {
      target: 'text',
      source: 'resource',
    }).render({ record }, { nowMs: () => 0 });
    expect(rendered).toBe('ownct[object Object]');
  });

  it('refuses templates that mean nothing here, whatever they are called', () => {
    for (const text of [
      '{{> x}}',
      '{{#> x}}{{/x}}',
      '{{#*inline "x"}}{{/inline}}',
      '{{* x}}',
      '{{unknown 1}}',
      '{{log 1}}',
    ]) {
      expect(compileTemplate(text, { target: 'text', source: 'resource' }).failure?.code).toBe(failureCode);
    }
  });
});

describe('templates that would not end', () => {
  const list = Array.from({ length: 2_000 }, (_, index) => index);
  const large = 'a'.repeat(1_000_000);
  const hostile: JsonRecord = { list, large, angles: '<'.repeat(1_000_000), dashes: `${'-'.repeat(1_000_000)}a-` };
  const everywhere = (call: string) => `{{#each list}}{{#each @root.list}}{{#if (${call})}}{{/if}}{{/each}}{{/each}}`;

  it.each([
    '{{#each list}}{{#each @root.list}}{{#each @root.list}}{{/each}}{{/each}}{{/each}}',
    '{{#list}}{{#@root.list}}{{#@root.list}}{{/@root.list}}{{/@root.list}}{{/list}}',
    everywhere('padLeft "a" 999999'),
    everywhere('replace @root.large "a" @root.large'),
    everywhere('occurrences @root.large "aaab"'),
    everywhere('sanitize @root.angles'),
    everywhere('chop @root.dashes'),
    everywhere('sort @root.list'),
    everywhere('hash "sha512" "hex" @root.large'),
    everywhere('dateFormat "LLLL" "2024-01-01" "" "US/Eastern"'),
    everywhere('random "crypto" 10000'),
    everywhere('regexMatch @root.large "(a+)+$"'),
    everywhere('regexMatch "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!" "(a|aa)+$"'),
    everywhere('eq @root.list "x"'),
    everywhere('getValue (join "." "a" this)'),
  ])('%s ends as the failure of its record', (text) => {
    const rendered = compileTemplate(text, { target: 'text', source: 'resource' }).render(hostile, { nowMs: () => 0 });
    expect(rendered).toMatchObject({ code: failureCode });
  });

  it.each([
    '{{#if a}}'.repeat(100_000),
    '{{#if a}}'.repeat(10_000) + '{{/if}}'.repeat(10_000),
    `{{#if a}}${'{{else if a}}'.repeat(10_000)}{{/if}}`,
    `{{trim ${'(trim '.repeat(10_000)}"a"${')'.repeat(10_000)}}}`,
    'x'.repeat(256 * 1024 + 1),
  ])('refuses a template that is nested too deep or too long: %.20s…', (text) => {
    const compiled = compileTemplate(text, { target: 'text', source: 'resource' });
    expect(compiled.failure?.code).toBe(failureCode);
  });

  it('leaves enough work to others when a record used up all that there was', async () => {
    const costly = compileTemplate(everywhere('padLeft "a" 99999'), { target: 'text', source: 'resource' });
    const plain = compileTemplate('{{#each list}}{{add this 1}}{{/each}}', { target: 'text', source: 'resource' });
    const environment = { nowMs: () => 0 };
    for (let record = 0; record < 10; record += 1) expect(costly.render(hostile, environment)).toHaveProperty('code');
    expect(plain.render({ list: [1, 2, 3] }, environment)).toBe('234');
    await new Promise((resolve) => setImmediate(resolve));
    expect(plain.render(hostile, environment)).toHaveLength(list.map((index) => String(index + 1)).join('').length);
  });
});
