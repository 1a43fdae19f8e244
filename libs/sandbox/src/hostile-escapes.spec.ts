import { afterAll, describe, expect, it } from '@jest/globals';
import { escapes } from './testing/escapes.js';
import { TestSandbox } from './testing/test-sandbox.js';

const sandbox = new TestSandbox({ callMs: 1_000, pageMs: 2_000, quarantineMs: 1 });
afterAll(() => sandbox.close());

/**
 * Runs inside: names what a thing that an attempt got hold of has, or leads to, of a host. Nothing of the kind exists in
 * an isolate, so any name is an escape. It keeps its own references, as attempts break what they find.
 */
const probe = `
const realm = globalThis;
const { getPrototypeOf } = Object;
const names = ['process', 'require', 'fetch', 'Buffer', 'global', 'setTimeout', 'setImmediate', 'module', 'mainModule',
  'binding', 'dlopen', 'Worker', 'XMLHttpRequest', 'WebSocket', 'WebAssembly', 'SharedArrayBuffer', 'Deno', 'Bun'];
const get = (f) => {
  try { return f(); } catch { return undefined; }
};
const look = (holder, how) => {
  let found = '';
  if (holder === null || (typeof holder !== 'object' && typeof holder !== 'function')) return found;
  for (let i = 0; i < names.length; i++) {
    if (get(() => holder[names[i]]) !== undefined) found += how + '.' + names[i] + ' ';
  }
  return found;
};
const reached = (got) =>
  look(got, 'the value') +
  look(get(() => got.constructor), 'its constructor') +
  look(get(() => got.constructor.constructor('return this')()), 'its realm') +
  look(get(() => getPrototypeOf(got).constructor.constructor('return globalThis')()), 'the realm of its prototype') +
  look(realm, 'the realm');
`;

describe('ways out of a sandbox that others have published', () => {
  it.each(escapes)('%s', async (_name, attempt) => {
    const functions = sandbox.functions({
      source: `${probe}
function attempt(options) {
${attempt}
}
function f(options) {
  let got;
  try { got = attempt(options); } catch (error) { got = error; }
  return { reached: reached(got), text: typeof got === 'string' ? got : '' };
}`,
    });
    const outcome = await functions.call('f', { data: [{ a: 1 }], settings: {} });
    expect(outcome).toEqual({
      value: { reached: '', text: expect.not.stringMatching(/root:|node:|\/home\/|MILLRACE/) },
    });
    // The next script finds a world in order.
    const next = sandbox.functions({
      source: 'const f = ({ a }) => [a, {}.polluted ?? null, [].concat(1), JSON.stringify({ b: 1 })];',
    });
    expect(await next.call('f', { a: 1 })).toEqual({ value: [1, null, [1], '{"b":1}'] });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('are at least a hundred', () => {
    expect(new Set(escapes.map(([, attempt]) => attempt)).size).toBeGreaterThanOrEqual(100);
  });
});
