import { expect, it } from '@jest/globals';
import { lookupNamesIn } from './lookup-names.js';

it.each<[string, readonly string[] | 'all']>([
  ['/customers/{{lookup.customer}}', ['customer']],
  ['{{{lookup.customer.key}}}', ['customer']],
  ['{{lookup.[of two words]}}', ['of two words']],
  ['{{@root.lookup.a}} {{this.lookup.b}} {{#each rows}}{{../lookup.c}}{{/each}}', ['a', 'b', 'c']],
  ['{{#if lookup.a}}{{upperCase lookup.b}}{{else}}{{trim (lowerCase lookup.c)}}{{/if}}', ['a', 'b', 'c']],
  ['{{lookup "states" record.st}}', []],
  ['{{lookup "states" lookup.st}} {{trim (lookup "states" lookup.zip)}}', ['st', 'zip']],
  ['{{#with lookup}}{{a}}{{/with}}', 'all'],
  ['{{jsonEncode lookup}}', 'all'],
  ['{{record.lookup.a}}', []],
  ['no template, but a lookup', []],
  ['{{#if', []],
])('%s reads the dynamic lookups %p', (text, names) => {
  const read = lookupNamesIn(text);
  expect(read === 'all' ? read : [...read].sort()).toEqual(names);
});
