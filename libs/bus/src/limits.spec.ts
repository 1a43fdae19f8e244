import { describe, expect, it } from '@jest/globals';
import type { OutgoingMessage } from './bus.js';
import { assertAtomicBatch, assertMessage, scopedId } from './limits.js';

const fine: OutgoingMessage = { queue: 'work.page', key: 'run', id: 'run/0/p1', body: new Uint8Array(1) };

describe('the limits of a message', () => {
  it.each<[string, Partial<OutgoingMessage>]>([
    ['a key and an id of any script', { key: 'schlüssel 鍵', id: 'é/日本' }],
    ['headers that are JSON', { headers: { millrace: '{"pages":[1,2]}', empty: '' } }],
    ['a body of 6 MB', { body: new Uint8Array(6 * 1024 * 1024) }],
  ])('allow %s', (_, part) => {
    expect(() => assertMessage({ ...fine, ...part })).not.toThrow();
  });

  it.each<[string, Partial<OutgoingMessage>, RegExp]>([
    ['no id', { id: '' }, /id must be/],
    ['an id of more than 500 characters', { id: 'x'.repeat(501) }, /id must be/],
    ['a control character in the key', { key: 'a\u0007' }, /key must be/],
    ['a line break in a value', { headers: { a: 'x\ny' } }, /header a must be printable/],
    ['surrounding blanks in a value', { headers: { a: ' x' } }, /white space/],
    ['a colon in a name', { headers: { 'a:b': 'x' } }, /header name/],
    ['a name of the broker', { headers: { 'nats-rollup': 'all' } }, /header name/],
    ['a name of this library', { headers: { 'Millrace-Bus-Id': 'x' } }, /header name/],
    [
      'a name that poisons objects',
      { headers: JSON.parse('{"__proto__":"x"}') as Record<string, string> },
      /header name/,
    ],
    ['headers of more than 4 KB', { headers: { a: 'x'.repeat(2_100), b: 'x'.repeat(2_100) } }, /headers exceed/],
    ['a body of more than 6 MB', { body: new Uint8Array(6 * 1024 * 1024 + 1) }, /body exceeds/],
  ])('refuse %s', (_, part, why) => {
    expect(() => assertMessage({ ...fine, ...part })).toThrow(why);
  });

  it('scope an id by its queue', () => {
    expect(scopedId(fine)).not.toBe(scopedId({ ...fine, queue: 'work.retry' }));
    const retry: OutgoingMessage = { ...fine, queue: 'work.retry' };
    expect(() => assertAtomicBatch([fine, retry])).not.toThrow();
    expect(() => assertAtomicBatch([fine, fine])).toThrow(/twice/);
  });
});
