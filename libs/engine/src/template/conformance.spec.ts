import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { compileTemplate } from './compile-template.js';
import type { TemplateTarget } from './template.js';

/** Reference: handlebars §11. */
const context = {
  record: {
    id: 7,
    n: '42',
    name: 'Ana & Bo',
    tags: ['b', 'a', 'b'],
    lines: [
      { sku: 'S1', qty: 2 },
      { sku: 'S2', qty: 3 },
    ],
    empty: [],
    zero: 0,
    z: '0',
    d: '2024-02-28T23:30:00Z',
  },
};

const render = (template: string, target: TemplateTarget) =>
  compileTemplate(template, { target, source: 'resource' }).render(context, { nowMs: () => 0 });

describe('conformance cases of the template language (handlebars §11)', () => {
  it.each<[string, TemplateTarget, string]>([
    ['/o?q={{record.name}}', 'uri', '/o?q=Ana%20%26%20Bo'],
    ['/o?q={{{record.name}}}', 'uri', '/o?q=Ana & Bo'],
    ['WHERE id={{record.id}}', 'sql', "WHERE id='7'"],
    ['WHERE id={{{record.id}}}', 'sql', 'WHERE id=7'],
    ['{{#each record.lines}}{{{sku}}}{{#unless @last}},{{/unless}}{{/each}}', 'json', 'S1,S2'],
    ['{{join "-" record.tags}}', 'json', 'b-a-b'],
    ['{{{jsonSerialize (unique record.tags)}}}', 'json', '["b","a"]'],
    ['{{sum (pluck record.lines "qty")}}', 'json', '5'],
    ['{{#if record.empty}}y{{else}}n{{/if}}', 'json', 'n'],
    ['{{#not record.empty}}y{{else}}n{{/not}}', 'json', 'n'],
    ['{{#and record.zero record.n}}y{{else}}n{{/and}}', 'json', 'n'],
    ['{{#and record.z record.n}}y{{else}}n{{/and}}', 'json', 'y'],
    ['{{#compare record.n ">" "5"}}y{{else}}n{{/compare}}', 'json', 'n'],
    ['{{{dateAdd record.d "3600000"}}}', 'json', '2024-02-29T00:30:00.000Z'],
    ['{{{dateFormat "YYYY-MM-DD HH:mm Z" record.d "" "Asia/Kolkata"}}}', 'json', '2024-02-29 05:00 +05:30'],
    ['{{#filter record.lines "S9" "sku"}}{{qty}}{{else}}none{{/filter}}', 'json', 'none'],
    ['{{#filter record.id 7}}x{{else}}none{{/filter}}', 'json', ''],
    ['{{#startsWith "An" record.name}}y{{else}}n{{/startsWith}}', 'json', 'y'],
    [String.raw`{{regexSearch "$1499.95" "\."}}`, 'json', '5'],
    ['{{{hmac "sha256" "k" "hex" "v"}}}', 'header', createHmac('sha256', 'k').update('v').digest('hex')],
    ['{{getValue "record.none" "dflt"}}', 'json', 'dflt'],
    ['{{{jsonEncode record.lines}}}', 'json', '[object Object],[object Object]'],
    [String.raw`\{{keep}}`, 'text', '{{keep}}'],
  ])('%s as %s prints %s', (template, target, output) => {
    expect(render(template, target)).toBe(output);
  });
});
