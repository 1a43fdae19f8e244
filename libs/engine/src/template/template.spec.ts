import { describe, expect, it } from '@jest/globals';
import type { JsonRecord } from '#model';
import { compileTemplate } from './compile-template.js';
import type { TemplateOptions, TemplateTarget } from './template.js';

const environment = { nowMs: () => Date.UTC(2025, 2, 27, 0, 0, 0) };
const render = (
  template: string,
  context: JsonRecord,
  target: TemplateTarget = 'text',
  options: Partial<TemplateOptions> = {},
) => compileTemplate(template, { target, source: 'resource', ...options }).render(context, environment);

const failed = (detail: string) =>
  expect.objectContaining({
    code: 'handlebars_template_parse_error',
    source: 'resource',
    message: expect.stringContaining(detail),
  });

describe('syntax (handlebars §1)', () => {
  const record = { id: 1, 'Field Name': 'f', list: [{ c: 'x' }], text: 'abc', first: 'one', length: 3 };
  it.each([
    ['{{record.id}}{{{record.id}}}', '11'],
    ['{{ record.id }}', '1'],
    ['{{record.[Field Name]}}', 'f'],
    ['{{record.list.[0].c}}-{{record.list.0.c}}', 'x-x'],
    ['{{record.text.length}}/{{record.list.length}}/{{record.length}}', '3/1/3'],
    ['{{{{raw}}}} {{record.id}} {{{{/raw}}}}', ' {{record.id}} '],
    ['{{{{abc}}}}{{#each}}{{{{/abc}}}}', '{{#each}}'],
    ['{{{{uppercase}}}}a{{b}}{{{{/uppercase}}}}', 'a{{b}}'],
    ['a{{! note }}b{{!-- {{note}} --}}c', 'abc'],
    ['{{#each record.list as |item|}}{{item.c}}{{/each}}', 'x'],
    ['{{#with record}}{{id}}{{../record.text}}{{@root.record.id}}{{/with}}', '1abc1'],
    ['{{#each record.list}}{{@index}}{{@key}}{{@first}}{{@last}}{{this.c}}{{/each}}', '00truetruex'],
    ['{{uppercase (join "" record.text "d")}}', 'ABCD'],
    ['{{#if record.none}}a{{else compare record.id "<" 2}}b{{else}}c{{/if}}', 'b'],
    ['{{#record.list}}{{c}}{{/record.list}}{{^record.none}}!{{/record.none}}', 'x!'],
    ['{{#if (or record.none record.id)}}y{{/if}}', 'y'],
    ['{{#each record.none}}{{else}}empty{{/each}}', 'empty'],
  ])('%s', (template, output) => {
    expect(render(template, { record })).toBe(output);
  });

  it('reads a field that is named like a helper', () => {
    expect(render('{{first}}{{#if x}}{{sum}}{{/if}}', { first: 'one', x: true, sum: 5 })).toBe('one5');
  });

  it.each(['{{> partial}}', '{{#> layout}}x{{/layout}}', '{{* decorate}}'])('%s is refused', (template) => {
    expect(render(template, {})).toEqual(failed('not part of this language'));
  });

  it.each(['{{#each x}}', '{{x', '{{unknown "a"}}', '{{#unknown a}}{{/unknown}}', '{{log "x"}}'])(
    '%s fails every record with the source of its stage',
    (template) => {
      const compiled = compileTemplate(template, { target: 'text', source: 'mapping' });
      expect(compiled.failure).toMatchObject({ code: 'handlebars_template_parse_error', source: 'mapping' });
      expect(compiled.render({}, environment)).toBe(compiled.failure);
    },
  );
});

describe('braces per target (handlebars §2, decision 36)', () => {
  const value = `a "b" <c> & 'd'\n/é`;
  it.each<[TemplateTarget, string, string]>([
    ['uri', '{{v}}', encodeURIComponent(value)],
    ['sql', '{{v}}', `'a "b" <c> & ''d''\n/é'`],
    ['xml', '{{v}}', `a &quot;b&quot; &lt;c&gt; &amp; &#39;d&#39;\n/é`],
    ['json', '{{v}}', JSON.stringify(value).slice(1, -1)],
    ['text', '{{v}}', value],
    ['uri', '{{{v}}}', value],
    ['sql', '{{{v}}}', value],
    ['xml', '{{{v}}}', value],
    ['json', '{{{v}}}', value],
  ])('%s %s', (target, template, output) => {
    expect(render(template, { v: value }, target)).toBe(output);
    // The same through Handlebars: a comment is plain text, a block is not.
    expect(render(`{{#if v}}${template}{{/if}}`, { v: value }, target)).toBe(output);
  });

  it('refuses a header value with a line break, whatever the braces', () => {
    expect(render('{{v}}', { v: 'a\r\nX: y' }, 'header')).toEqual(failed('line break'));
    expect(render('{{{v}}}', { v: 'a\nb' }, 'header')).toEqual(failed('line break'));
  });

  it('prints numbers, booleans, arrays and objects as JavaScript does', () => {
    const context = { n: 0, b: false, a: [1, [2]], o: { x: 1 }, nil: null };
    expect(render('{{n}}|{{b}}|{{a}}|{{o}}|{{nil}}|{{none}}', context)).toBe('0|false|1,2|[object Object]||');
    expect(render('{{{n}}}|{{{b}}}|{{{a}}}|{{{o}}}|{{{nil}}}|{{#if n}}{{/if}}', context)).toBe(
      '0|false|1,2|[object Object]||',
    );
  });
});

describe('missing values (handlebars §10)', () => {
  it.each<TemplateTarget>(['sql', 'xml', 'json', 'text'])('print nothing in %s', (target) => {
    expect(render('[{{record.a.b}}{{{record.c}}}]', { record: {} }, target)).toBe('[]');
  });

  it.each<TemplateTarget>(['uri', 'header'])('fail the record in %s', (target) => {
    expect(render('/x/{{record._id}}', { record: {} }, target)).toEqual(failed("'_id' not defined in the model"));
    expect(render('/x/{{{record._id}}}', { record: {} }, target)).toEqual(failed("'_id' not defined in the model"));
    expect(render('{{#if record}}{{record._id}}{{/if}}', { record: {} }, target)).toEqual(
      failed("'_id' not defined in the model"),
    );
  });

  it('may be tested for in strict targets', () => {
    expect(render('/x{{#if record.a}}/{{record.a}}{{/if}}', { record: {} }, 'uri')).toBe('/x');
    expect(render('/x{{getValue "record.a" "y"}}', { record: {} }, 'uri')).toBe('/xy');
  });

  it('print nothing when null, in strict targets too', () => {
    expect(render('/x/{{record.a}}', { record: { a: null } }, 'uri')).toBe('/x/');
  });
});

describe('prototypes', () => {
  it.each(['__proto__', 'constructor', 'constructor.name', 'toString', '__proto__.constructor', 'record.map'])(
    '%s reads as missing',
    (path) => {
      expect(render(`[{{${path}}}{{{${path}}}}]`, { record: [] })).toBe('[]');
      expect(render(`[{{#if ${path}}}x{{/if}}{{${path}}}]`, { record: [] })).toBe('[]');
      expect(render(`[{{getValue "${path}"}}]`, { record: [] })).toBe('[]');
    },
  );

  it('own members of these names are data', () => {
    expect(render('{{record.constructor}}', { record: { constructor: 'own' } })).toBe('own');
  });

  it.each(['{{#with (lookup record "constructor")}}{{name}}{{/with}}', '{{#each "constructor"}}{{this}}{{/each}}'])(
    '%s reaches nothing',
    (template) => {
      expect(render(template, { record: {} })).toBe('');
    },
  );
});

describe('budgets', () => {
  const wide = { xs: Array.from({ length: 2000 }, () => 'x'.repeat(100)) };

  it('fails a record whose output is larger than 5 MB', () => {
    expect(render('{{v}}', { v: 'x'.repeat(5 * 1024 * 1024 + 1) })).toEqual(failed('larger than 5 MB'));
    expect(render('{{#each xs}}{{#each ../xs}}{{this}}{{/each}}{{/each}}', wide)).toEqual(failed('larger than 5 MB'));
  });

  it('fails a record whose loops do not end in time', () => {
    expect(render('{{#each xs}}{{#each ../xs}}{{/each}}{{/each}}', wide)).toEqual(failed('turns'));
  });

  it('fails a record whose helpers produce too much text', () => {
    expect(render('{{#each xs}}{{#if (padLeft "a" 999999)}}{{/if}}{{/each}}', wide)).toEqual(failed('too much text'));
  });
});

describe('helpers by page of the reference', () => {
  const record = { q: [2, 5, 7], list: [1, 2], st: 'tx', nested: [{ p: { q: 1 } }, {}], x: ['10', '2'] };
  it.each([
    // handlebars §4.1
    ['{{abs "-12.5"}}', '12.5'],
    ['{{add "2" 5 -1}}', '6'],
    ['{{avg 4 "8"}}', '6'],
    ['{{ceil -2.8}} {{floor -2.8}} {{round "29.77"}}', '-2 -3 30'],
    ['{{divide 7 2}}', '3.5'],
    ['{{modulo 7 3}}', '1'],
    ['{{multiply "3" 19.99}} {{multiply "a" 2}}', '59.97 NaN'],
    ['{{subtract "6" 4}}', '2'],
    ['{{sum record.q}}', '14'],
    ['{{toExponential 12345 2}}', '1.23e+4'],
    ['{{toFixed 29.7777 2}}', '29.78'],
    ['{{toPrecision 123 2}}', '1.2e+2'],
    // §4.2
    ['{{camelcase "sales order_9 id"}}', 'salesOrder9Id'],
    ['{{camelcase "SALES ORDER"}}', 'salesOrder'],
    ['{{pascalcase "sales order_9 id"}}', 'SalesOrder9Id'],
    ['{{dashcase "getUserProfile v2"}}', 'get-user-profile-v2'],
    ['{{snakecase "--a  B--"}}', 'a_b'],
    ['{{dotcase "a b"}} {{pathcase "a b"}}', 'a.b a/b'],
    ['{{capitalize "red box"}} {{capitalizeAll "red box"}}', 'Red box Red Box'],
    ['{{sentence "HELLO. bye"}}', 'Hello. Bye'],
    ['{{uppercase record.none}}{{lowercase "AB"}}', 'ab'],
    ['{{chop " _A-1_ "}}', 'A-1'],
    ['[{{trim " a "}}][{{trimLeft " a "}}][{{trimRight " a "}}]', '[a][a ][ a]'],
    ['{{padLeft 42 5 "0"}} {{padRight "a" 4 "xy"}} {{padLeft "a" "n"}}', '00042 axyx a'],
    ['{{replace "a&b&c" "&" "+"}}', 'a+b+c'],
    ['{{replacefirst "x-x" "x" "y"}} {{removefirst "x-x-x" "x-"}}', 'y-x x-x'],
    ['{{split "a-b-c" "-" 1}} {{split "a-b-c" "-"}} {{split "abc" "-"}}', 'b a abc'],
    ['{{join "/" "a" record.list}}', 'a/1/2'],
    ['{{substring "Celigo" 1 4}}', 'eli'],
    ['{{occurrences "banana" "an"}}', '2'],
    ['{{reverse "abc"}}', 'cba'],
    ['{{sanitize "<b>a</b><br>c"}}', 'ac'],
    ['{{truncateWords "one two three" 2}} {{truncateWords "one" 0}}[{{truncateWords "one" -1}}]', 'one two… …[]'],
    // §4.3
    ['{{after record.q 1}} {{before record.q 1}}', '5,7 2,5'],
    ['{{{jsonSerialize (arrayify "a,b")}}} {{{jsonSerialize (arrayify record.none)}}}', '["a,b"] []'],
    ['{{first record.q}} {{last record.q}}', '2 7'],
    ['{{{jsonSerialize (pluck record.nested "p.q")}}}', '[1,null]'],
    [
      '{{sort record.x number="true"}} {{sort record.x}} {{sort record.x number="true" reverse="true"}}',
      '2,10 10,2 10,2',
    ],
    ['{{lookup "states" record.st}}', 'Texas'],
    // §4.4
    ['{{timestamp}}', '2025-03-27T00:00:00.000Z'],
    ['{{timestamp "YYYYMMDDTHHmmss" "Etc/GMT-0"}}', '20250327T000000'],
    ['{{dateAdd "2025-03-27T00:00:00Z" "" "Asia/Shanghai"}}', '2025-03-27T08:00:00.000+08:00'],
    ['{{dateFormat "YYYY-MM-DD" "2025-03-27T01:00:00Z" "US/Eastern"}}', '2025-03-26'],
    ['{{dateFormat "YYYY" "27/03/2024" "DD/MM/YYYY"}}', '2024'],
    ['[{{dateFormat "YYYY" record.none}}]', '[]'],
    // §4.5
    ['{{base64Encode "Hello"}} {{base64Encode "Hello" "hex"}}', 'SGVsbG8= 48656c6c6f'],
    ['{{base64Decode "SGVsbG8="}} {{base64Decode "SGVsbG8=" "hex"}}', 'Hello 48656c6c6f'],
    ['{{encodeURI "a b,/"}} {{decodeURI "a%20b"}} {{decodeURI "100%"}}', 'a%20b%2C%2F a b 100%'],
    [`{{htmlEncode "<a href='x'>"}} {{htmlDecode "&lt;&#39;&#x41;"}}`, "&lt;a href=&#39;x&#39;&gt; <'A"],
    ['{{#with (jsonParse "{\\"a\\":1}")}}{{a}}{{/with}}', '1'],
    ['{{stripProtocol "HTTPS://h/p"}} {{stripQuerystring "http://h/p?x#y"}}', '//h/p http://h/p'],
    // §4.6
    ['{{regexMatch "a1b22" "[0-9]+"}} {{regexMatch "a1b22" "[0-9]+" 1}} {{regexMatch "aB" "b" "i"}}', '1 22 B'],
    ['{{regexReplace "a-a" "x" "a"}} {{regexReplace "a-a" "x" "a" "g"}}', 'x-a x-x'],
    // §4.8
    ['{{eq 5 "5"}} {{hasNoItems record.none}} {{isTruthy "false"}} {{isFalsey 0}}', 'true false true true'],
    ['{{typeOf record.q}} {{typeOf null}} {{typeOf "a"}}', 'array object string'],
    ['{{addCommas 1234567}}[{{addCommas "x"}}]{{addCommas 1234.5678}}', '1,234,567[]1,234.5678'],
    ['{{bytes 1396}} {{bytes 13661855}} {{bytes "foo"}}', '1.4 kB 13.66 MB 3 B'],
    ['{{ordinalize 1}} {{ordinalize 11}} {{ordinalize 22}}', '1st 11th 22nd'],
    // §5
    ['{{#neither 0 ""}}y{{/neither}}{{#ifEven "4"}}y{{/ifEven}}{{#inArray record.x "2"}}y{{/inArray}}', 'yyy'],
    ['{{#isEmpty 5}}y{{/isEmpty}}{{#isEmpty record.q}}{{else}}n{{/isEmpty}}', 'yn'],
    ['{{#some record.x isString}}y{{/some}}{{#some record.x isNumber}}{{else}}n{{/some}}', 'yn'],
    ['{{#contains record.x "2"}}y{{/contains}}{{#contains "abc" "bc"}}y{{/contains}}', 'yy'],
    ['{{#filter record.nested 1 "p.q"}}{{@index}}{{p.q}}{{/filter}}', '01'],
    ['{{#compare 5 "==" "5"}}y{{/compare}}{{#compare "50" ">" "100"}}y{{/compare}}', 'yy'],
    ['[{{#startsWith "a"}}y{{else}}n{{/startsWith}}]', '[]'],
  ])('%s', (template, output) => {
    expect(render(template, { record }, 'text', { staticLookups: { states: { tx: 'Texas' } } })).toBe(output);
  });

  it('names the helper that was given what it cannot use', () => {
    expect(render('{{{jsonSerialize record.none}}}', { record })).toEqual(failed('jsonSerialize'));
    expect(render('{{dateFormat "YYYY" "no date"}}', { record })).toEqual(failed("'no date' is not a date"));
  });

  it.each([
    ['crypto', /^[A-Za-z0-9]{32}$/],
    ['uuid', /^[0-9a-f]{32}$/],
    ['number', /^\d{32}$/],
  ])('random %s', (kind, pattern) => {
    expect(render(`{{random "${kind}"}}`, {})).toMatch(pattern);
  });
});
