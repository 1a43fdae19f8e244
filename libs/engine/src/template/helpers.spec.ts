import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { JsonRecord } from '#model';
import { compileTemplate } from './compile-template.js';

const environment = { nowMs: () => Date.UTC(2025, 2, 27, 6, 5, 4, 32) };
const record = {
  xs: ['b', 'a', 'b'],
  ns: ['10', '9', 'x'],
  rows: [{ p: { q: 1 } }, {}, { p: null }],
  nil: null,
  o: { k: 1 },
  none: {},
  flag: true,
};
const render = (text: string, more: JsonRecord = {}) =>
  compileTemplate(text, {
    target: 'text',
    source: 'resource',
    staticLookups: { s: { tx: 'Texas', nil: null } },
  }).render({ record, ...more }, environment);
const failed = (detail: string) =>
  expect.objectContaining({ code: 'handlebars_template_parse_error', message: expect.stringContaining(detail) });

/** Edges beyond the examples, in the order of the reference. */
describe('helpers (handlebars §4)', () => {
  it.each([
    // §4.1
    ['{{add}}|{{add 1 2 3 "4"}}|{{add 1 "x"}}', '|10|NaN'],
    ['{{sum 1 "2" 3}}|{{sum record.empty}}|{{avg record.none2}}', '6|0|NaN'],
    ['{{divide 1 0}}|{{modulo -7 3}}|{{multiply 0.1 3}}', 'Infinity|-1|0.30000000000000004'],
    ['{{round -2.5}}|{{ceil "1.1"}}|{{floor "-1.1"}}|{{abs -0}}', '-2|2|-2|0'],
    ['{{toExponential 12345}}|{{toFixed 1.005 2}}|{{toFixed 3}}|{{toPrecision "123.456" 4}}', '1.2345e+4|1.00|3|123.5'],
    // §4.2
    ['{{camelcase "  --Foo_bar 2nd "}}|{{camelcase 42}}|{{camelcase record.nil}}', 'fooBar2nd|42|'],
    ['{{pascalcase record.xs}}|{{snakecase "XMLHttpRequest"}}|{{dotcase "a__b--c"}}', 'BAB|xml_http_request|a.b.c'],
    ['{{pathcase "Ab cD"}}|{{dashcase "v2Beta10"}}', 'ab/c/d|v2-beta10'],
    ['{{capitalize "éa b"}}|{{capitalizeAll "a-b  cD"}}', 'Éa b|A-b  CD'],
    ['{{sentence "ONE? TWO! three. 4 x"}}', 'One? Two! Three. 4 x'],
    ['{{chop "--"}}|{{chop "[x] y!"}}|{{chop 5}}', '|x] y|5'],
    ['{{padLeft "abc" 2}}|{{padLeft "a" 3.9}}|{{padLeft "a" "5" "xy"}}|{{padRight 7 3 0}}', 'abc|  a|xyxya|700'],
    ['{{padLeft "a" -1}}|{{padRight "a" "x" "-"}}|{{padLeft "a"}}', 'a|a|a'],
    ['{{replace "aXbx" "x" ""}}|{{replace "a.b" "." "$&"}}|{{replace "abc" "" "-"}}', 'aXb|a$&b|abc'],
    ['{{replacefirst "a-a" "z" "b"}}|{{removefirst "aXx" "x"}}', 'a-a|aX'],
    ['{{split "a--b" "--" 1}}|{{split "a-b" "-" 5}}|{{split "a-b" "-" "1"}}|{{split "ab"}}', 'b||b|ab'],
    ['{{join "-" 1 true record.xs "z"}}|{{join "" record.xs}}', '1-true-b-a-b-z|bab'],
    ['{{substring "abc" 1}}|{{substring "abc" 0 99}}|{{substring "abc" "1" "2"}}', 'bc|abc|b'],
    ['{{occurrences "aaa" "aa"}}|{{occurrences "Ab" "a"}}|{{occurrences "a" ""}}', '1|0|0'],
    ['{{reverse 123}}|{{reverse record.xs}}|{{reverse "a😀"}}', '321|b,a,b|😀a'],
    ['{{sanitize "a < b <i>c</i>"}}|{{sanitize "1 > 0 <"}}', 'a c|1 > 0 <'],
    ['{{truncateWords "a b c" "2" "..."}}|{{truncateWords "a b" 5}}|{{truncateWords "a" "x"}}', 'a b...|a b|'],
    // §4.3
    ['{{after record.xs 2}}|{{after record.xs "1"}}|{{after "abc" 1}}|{{before record.xs 9}}', 'b|a,b||'],
    ['{{{jsonSerialize (arrayify record.nil)}}}|{{{jsonSerialize (arrayify record.xs)}}}', '[]|["b","a","b"]'],
    ['{{getValue "record.o.k"}}|{{getValue "record.nil" "d"}}|{{getValue "a..b" "d"}}', '1|d|d'],
    ['{{#each record.xs}}{{getValue "record.o.k"}}{{/each}}|{{getValue (getValue "path")}}', '111|1'],
    ['{{lookup "s" "tx"}}|{{lookup "s" "none"}}|{{lookup "none" "tx"}}|{{lookup record.o "k"}}', 'Texas|||1'],
    ['{{{jsonSerialize (pluck record.rows "p.q")}}}|{{{jsonSerialize (pluck record.o "k")}}}', '[1,null,null]|[1]'],
    ['{{sort record.ns}}|{{sort record.ns number="true"}}|{{sort record.xs reverse=true}}', '10,9,x|9,10,x|b,b,a'],
    ['{{unique record.xs}}|{{sort "x"}}', 'b,a|'],
    // §4.4
    ['{{dateAdd "2025-03-27T00:00:00Z" "-1e3"}}', '2025-03-26T23:59:59.000Z'],
    ['{{dateAdd "March 27, 2025 10:00" 0}}', '2025-03-27T10:00:00.000Z'],
    ['{{dateAdd "2025-07-01T00:00:00Z" 0 "US/Eastern"}}', '2025-06-30T20:00:00.000-04:00'],
    ['{{dateFormat "hh:mm A" "2025-03-27T18:36:00Z" ""}}', '06:36 PM'],
    ['{{dateFormat "[Q]Q gg GG X x" "2025-03-27T00:00:00Z"}}', 'Q1 25 25 1743033600 1743033600000'],
    ['{{dateFormat "YYYY-MM-DD" "27.03.2025" "DD.MM.YYYY" "Etc/GMT-0"}}', '2025-03-27'],
    ['{{timestamp "x"}}|{{timestamp "" "Asia/Kolkata"}}', '1743055504032|2025-03-27T11:35:04.032+05:30'],
    // §4.5
    ['{{base64Encode "é"}}|{{base64Encode "é" "latin1"}}|{{base64Encode 12}}', 'w6k=|Ã©|MTI='],
    ['{{base64Decode "w6k="}}|{{base64Decode "w6k=" "base64"}}', 'é|w6k='],
    ['{{encodeURI ",/?:@&=+$# \'"}}', "%2C%2F%3F%3A%40%26%3D%2B%24%23%20'"],
    ['{{decodeURI "%E0%A4%A"}}|{{decodeURI "a+b"}}', '%E0%A4%A|a+b'],
    ['{{htmlDecode "&amp;lt;&nbsp;&unknown;&#x1F600;&#1114112;"}}', '&lt;\u00a0&unknown;😀&#1114112;'],
    [String.raw`{{jsonEncode "a\"b"}}|{{jsonEncode 5}}|{{jsonEncode record.o}}`, String.raw`a\"b|5|[object Object]`],
    ['{{{jsonSerialize "a"}}}|{{{jsonStringify record.nil}}}|{{{jsonSerialize record.o}}}', '"a"|null|{"k":1}'],
    ['{{#each (jsonParse "[1,2]")}}{{this}}{{/each}}', '12'],
    [
      '{{stripProtocol "ftp://h"}}|{{stripProtocol "http://a?u=http://b"}}|{{stripProtocol "mailto:x"}}',
      '//h|//a?u=http://b|mailto:x',
    ],
    ['{{stripQuerystring "/a?b?c"}}|{{stripQuerystring "/a#b"}}', '/a|/a#b'],
    // §4.6
    ['{{regexMatch "a1b2" "[0-9]" 1}}|{{regexMatch "a1b2" "[0-9]" 9}}|{{regexMatch "AB" "b" 0 "i"}}', '2||B'],
    [String.raw`{{regexMatch "price: 12" "(?<=price: )\d+"}}|{{regexMatch "aBc" "[A-Z]" "g"}}`, '12|B'],
    [String.raw`{{regexReplace "2024-01" "$2/$1" "(\d+)-(\d+)"}}|{{regexReplace "aAa" "x" "a" "gi"}}`, '01/2024|xxx'],
    ['{{regexSearch "abc" "z"}}|{{regexSearch "aBc" "b" "i"}}', '-1|1'],
    // §4.7
    ['{{hash "md5" "hex" "v"}}', createHash('md5').update('v').digest('hex')],
    ['{{{hash "sha512" "base64" "é"}}}', createHash('sha512').update('é').digest('base64')],
    ['{{{hmac "sha1" "a2V5" "base64" "v" "base64"}}}', createHmac('sha1', 'key').update('v').digest('base64')],
    // §4.8
    ['{{eq "a" "a"}}|{{eq record.nil record.gone}}|{{eq 0 ""}}|{{eq "a" "A"}}', 'true|true|true|false'],
    ['{{hasNoItems record.none}}|{{hasNoItems record.empty}}|{{hasNoItems ""}}', 'true|false|false'],
    ['{{hasOwn record "xs"}}|{{hasOwn record "gone"}}|{{hasOwn "text" "length"}}', 'true|false|false'],
    ['{{isTruthy "0"}}|{{isTruthy record.gone}}|{{isFalsey "false"}}|{{isFalsey ""}}', 'true|false|false|true'],
    ['{{typeOf 1}}|{{typeOf true}}|{{typeOf record}}|{{typeOf record.nil}}', 'number|boolean|object|object'],
    [
      '{{addCommas "-1234567.891"}}|{{addCommas 12}}|{{addCommas record.nil}}|{{addCommas "1e21"}}',
      '-1,234,567.891|12||1e21',
    ],
    ['{{bytes 999}}|{{bytes 1000}}|{{bytes 1396 0}}|{{bytes "1500"}}', '999 B|1 kB|1 kB|1.5 kB'],
    [
      '{{ordinalize 3}}|{{ordinalize 112}}|{{ordinalize "101"}}|{{ordinalize -1}}|{{ordinalize 1.5}}',
      '3rd|112th|101st||',
    ],
  ])('%s', (text, output) => {
    expect(render(text, { path: 'record.o.k', empty: [] })).toBe(output);
  });

  it.each([
    ['{{toFixed 1 101}}', 'toFixed'],
    ['{{random "crypto" 10001}}', 'random: the length'],
    ['{{random "dice"}}', 'random: the kind'],
    ['{{dateAdd "2024-01-01" "soon"}}', 'dateAdd: the offset'],
    ['{{timestamp "YYYY" "Mars/North"}}', "'Mars/North' is not a time zone"],
    ['{{base64Encode "a" "rot13"}}', "the format 'rot13' is not known"],
    ['{{jsonParse "{"}}', 'jsonParse: the text is not JSON'],
    ['{{hash "md55" "hex" "v"}}', "hash: the algorithm 'md55' is not known"],
    ['{{hmac "sha1" "k" "hex" "v" "utf16"}}', 'hmac: the key'],
    ['{{regexMatch "a" "("}}', 'malformed'],
    ['{{#compare 1 "<>" 2}}{{/compare}}', "the operator '<>' is not known"],
    ['{{#some record.xs isDate}}{{/some}}', "the test 'isDate' is not known"],
    ['{{#if a b}}{{/if}}', "'if' takes one value"],
    ['{{each record.xs}}', "'each' is a block"],
  ])('%s names what is wrong', (text, detail) => {
    expect(render(text)).toEqual(failed(detail));
  });
});

describe('block helpers (handlebars §5)', () => {
  it.each([
    ['{{#if record.none}}y{{/if}}{{#unless record.empty}}n{{/unless}}{{#if "0"}}y{{/if}}', 'yny'],
    ['{{#and 1 "0"}}y{{/and}}{{#or 0 record.nil}}{{else}}n{{/or}}{{#neither 0 ""}}y{{/neither}}', 'yny'],
    ['{{#not record.xs}}y{{else}}n{{/not}}{{#not ""}}y{{/not}}', 'ny'],
    ['{{#compare "10" "<" "9"}}text{{/compare}}{{#compare 10 ">" "9"}}number{{/compare}}', 'textnumber'],
    ['{{#compare 1 "===" "1"}}{{else}}n{{/compare}}{{#compare record.gone "==" null}}y{{/compare}}', 'ny'],
    ['{{#contains record.xs "z"}}{{else}}n{{/contains}}{{#contains 123 "2"}}{{else}}n{{/contains}}', 'nn'],
    ['{{#each record.o}}{{@key}}{{@index}}{{@first}}{{@last}}{{this}}{{/each}}', 'k0truetrue1'],
    ['{{#each record.xs as |x at|}}{{at}}{{x}}{{/each}}', '0b1a2b'],
    [
      '{{#each record.rows}}{{#each @root.record.xs}}{{@../index}}{{@index}} {{/each}}{{/each}}',
      '00 01 02 10 11 12 20 21 22 ',
    ],
    ['{{#filter record.xs "b"}}[{{this}}{{@last}}]{{else}}none{{/filter}}', '[bfalse][btrue]'],
    ['{{#filter record.xs "B"}}x{{else}}none{{/filter}}{{#filter record.empty "a"}}{{else}}gone{{/filter}}', 'none'],
    ['{{#ifEven 3}}{{else}}n{{/ifEven}}{{#ifEven "x"}}{{else}}n{{/ifEven}}{{#ifEven 0}}y{{/ifEven}}', 'nny'],
    ['{{#inArray record.ns 9}}{{else}}n{{/inArray}}{{#inArray "b" "b"}}{{else}}n{{/inArray}}', 'nn'],
    ['{{#isEmpty record.nil}}y{{/isEmpty}}{{#isEmpty true}}y{{/isEmpty}}{{#isEmpty "a"}}{{else}}n{{/isEmpty}}', 'yyn'],
    ['{{#some record.rows isObject}}y{{/some}}{{#some record.xs isFalsy}}{{else}}n{{/some}}', 'yn'],
    [
      '{{#startsWith "a" "b"}}{{else}}n{{/startsWith}}[{{#startsWith record.gone "b"}}y{{else}}n{{/startsWith}}]',
      'n[]',
    ],
    ['{{#with record.o}}{{k}}{{else}}n{{/with}}{{#with record.gone}}{{else}}n{{/with}}', '1n'],
    ['{{#record.flag}}{{../record.o.k}}{{record.o.k}}{{/record.flag}}', '1'],
    ['{{#each record.rows}}{{#@root.record.flag}}{{../record.o.k}}{{/@root.record.flag}}{{/each}}', '111'],
    ['{{#eq 1 "1"}}same{{else}}other{{/eq}}{{#sort record.xs}}{{this}}{{/sort}}', 'sameabb'],
  ])('%s', (text, output) => {
    expect(render(text)).toBe(output);
  });
});

describe('names by place (handlebars §3)', () => {
  const roots: JsonRecord = {
    job: { _id: 'j', input: { since: '2025', ids: [1, 2] }, parentJob: { _id: 'p' } },
    lookup: { customerId: 'C7', found: { name: 'Ana' } },
    data: [{ id: 7 }],
    rows: [{ id: 1 }, { id: 2 }],
    batch_of_records: [{ record: { id: 1 } }, { record: { id: 2 } }],
    previous_page: { full_response: { next: 'n' }, last_record: { id: 9 }, headers: { 'x-next': 'h' } },
    export: { http: { paging: { page: 3, skip: 20, token: 't' } } },
    settings: { flow: { region: 'eu' } },
    connection: { http: { encrypted: { key: 's' } } },
    lastExportDateTime: '2025-01-01T00:00:00.000Z',
    hub: { challenge: 'c' },
  };

  it.each([
    ['{{job.input.since}}{{#each job.input.ids}}{{this}}{{/each}}{{job.parentJob._id}}', '202512p'],
    ['{{lookup.customerId}}{{lookup.found.name}}[{{lookup.none}}]', 'C7Ana[]'],
    ['{{data.0.id}}{{data.[0].id}}{{#each data}}{{id}}{{/each}}', '777'],
    ['{{rows.0.id}}{{#each rows}}{{id}}{{/each}}{{rows.length}}', '1122'],
    ['{{#each batch_of_records}}{{record.id}}{{#unless @last}},{{/unless}}{{/each}}', '1,2'],
    ['{{previous_page.full_response.next}}{{previous_page.last_record.id}}{{previous_page.headers.x-next}}', 'n9h'],
    ['{{export.http.paging.page}}{{export.http.paging.skip}}{{export.http.paging.token}}', '320t'],
    ['{{settings.flow.region}}{{settings.region}}{{connection.http.encrypted.key}}', 'eus'],
    ['{{{lastExportDateTime}}}{{hub.challenge}}', '2025-01-01T00:00:00.000Zc'],
    ['{{#each rows}}{{@root.settings.flow.region}}{{/each}}', 'eueu'],
  ])('%s', (text, output) => {
    expect(render(text, roots)).toBe(output);
  });

  it('says which names a template reads, so that contexts hold no more', () => {
    const roots = (text: string) => [...compileTemplate(text, { target: 'text', source: 'resource' }).roots].sort();
    expect(roots('{{record.id}}{{#each record.lines}}{{sku}}{{../x}}{{@root.y}}{{/each}}')).toEqual([
      'record',
      'x',
      'y',
    ]);
    expect(roots('{{getValue "a.b"}}{{this}}{{#with o as |w|}}{{w.x}}{{/with}}')).toEqual(['', 'a', 'o']);
    expect(roots('{{#flag}}{{inside}}{{/flag}}')).toEqual(['flag', 'inside']);
  });
});
