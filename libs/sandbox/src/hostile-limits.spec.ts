import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FunctionOutcome } from '#engine';
import { TestSandbox, type TestFunctions } from './testing/test-sandbox.js';

/**
 * Scripts that want all of the machine. Whatever they do ends as a failure of their own call; the process of the test,
 * which stands for the executor, lives on, and nobody else's call fails or waits for them (P5, P7).
 */
const sandbox = new TestSandbox({
  callMs: 400,
  pageMs: 800,
  isolateMemoryMb: 32,
  processMemoryMb: 400,
  quarantineMs: 1,
});
let neighbour: TestFunctions;
let sibling: TestFunctions;
beforeAll(async () => {
  const source = 'let n = 0; const f = ({ a }) => { n += 1; return a; };';
  neighbour = sandbox.functions({ source, accountId: 'another' });
  sibling = sandbox.functions({ source });
  await Promise.all([neighbour.call('f', { a: 0 }), sibling.call('f', { a: 0 })]);
});
afterAll(() => sandbox.close());

const codeOf = (outcome: FunctionOutcome): string => ('failure' in outcome ? outcome.failure.code : 'a value');

const time: readonly (readonly [string, string])[] = [
  ['an endless loop', 'for (;;);'],
  ['an endless loop that catches', 'for (;;) { try { for (;;); } catch {} }'],
  ['an endless loop in finally', 'const f = () => { try { for (;;); } finally { f(); } }; f();'],
  ['an endless loop in a getter of the result', 'return { get a() { for (;;); } };'],
  ['an endless loop in toJSON', 'return { toJSON() { for (;;); } };'],
  ['an endless loop in a thrown error', 'throw { get message() { for (;;); } };'],
  ['an endless loop in a log line', 'console.log({ toJSON() { for (;;); } });'],
  ['an endless array of promises', 'return new Proxy([], { get: (t, key) => (key === "length" ? 2 ** 53 : {}) });'],
  ['an endless generator', 'for (const x of (function* () { for (;;) yield 1; })());'],
  ['a catastrophic regular expression', '/^(a+)+$/.test("a".repeat(60) + "b");'],
  ['a catastrophic replacement', '"a".repeat(60).replace(/^(([a-z])+.)+[A-Z]([a-z])+$/g, "");'],
  ['an endless sort', '[3, 2, 1].sort(() => { for (;;); });'],
  ['an endless search of nothing', 'Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1);'],
];

const leftBehind: readonly (readonly [string, string])[] = [
  ['microtasks', 'const again = () => void Promise.resolve().then(again); again(); return 1;'],
  ['awaiting', '(async () => { for (;;) await 1; })(); return 1;'],
  ['a loop in a microtask', 'Promise.resolve().finally(() => { for (;;); }); return 1;'],
];

const memory: readonly (readonly [string, string])[] = [
  ['an endless filling', 'Array.prototype.fill.call({ length: 2 ** 53 - 1 }, 1);'],
  ['a power without end', 'let a = 3n; for (;;) a *= a;'],
  ['an array without end', 'const a = []; for (;;) a.push(new Array(1000).fill(1));'],
  ['objects without end', 'const a = []; for (;;) a.push({ a: 1, b: {} });'],
  ['a map without end', 'const m = new Map(); for (let i = 0; ; i++) m.set(i, i);'],
  ['texts without end', 'const a = []; for (let i = 0; ; i++) a.push("x".repeat(1e6) + i);'],
  ['buffers without end', 'const a = []; for (;;) a.push(new ArrayBuffer(1e7));'],
  ['typed arrays without end', 'const a = []; for (;;) a.push(new Uint8Array(1e6).fill(1));'],
  ['functions without end', 'const a = []; for (let i = 0; ; i++) a.push(Function("return " + i));'],
  ['closures that catch', 'for (;;) { try { const a = []; for (;;) a.push(new Array(1e5).fill({})); } catch {} }'],
  ['promises without end', 'const a = []; for (;;) a.push(new Promise(() => {}));'],
  ['symbols without end', 'for (let i = 0; ; i++) Symbol.for("s" + i);'],
  ['errors without end', 'const a = []; for (;;) a.push(new Error("x".repeat(1e5)).stack);'],
  [
    'date formats without end',
    'const a = []; for (;;) a.push(new Intl.DateTimeFormat("de", { timeZone: "Asia/Tokyo" }));',
  ],
  ['a list of everything', 'Array.from({ length: 2 ** 32 - 1 });'],
  ['a text taken apart', '("x".repeat(2 ** 27) + 1).split("").length;'],
  ['matches of everything', '"a".repeat(2 ** 27).match(/a/g);'],
  ['a hundred megabytes of JSON', 'return Array.from({ length: 1e6 }, () => "x".repeat(100));'],
  ['JSON a hundred times', 'const s = "x".repeat(1e6); return Array.from({ length: 500 }, () => s);'],
];

const stack: readonly (readonly [string, string])[] = [
  ['recursion without end', 'const f = () => f() + 1; f();'],
  ['recursion in toJSON', 'return { toJSON() { return [this.toJSON()]; } };'],
  ['recursion by Proxy', 'let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); return p.x;'],
  ['a deep regular expression', 'new RegExp("(".repeat(1e5) + ")".repeat(1e5)).test("");'],
  ['deep code', 'return Function("return " + "(".repeat(1e5) + "1" + ")".repeat(1e5))();'],
  ['a text beyond all bounds', 'let s = "x"; for (;;) s += s;'],
  ['an array of impossible length', 'new Array(2 ** 32);'],
];

const failures: unknown = expect.stringMatching(
  /^(script_timeout|script_memory_exceeded|script_crashed|script_error|response_size_exceeded|invalid_extension_response)$/,
);

/** Calls of others while one of `accountId` goes wild: none fails. @returns how often the neighbour was served meanwhile */
async function amongOthers(attack: Promise<FunctionOutcome>): Promise<[FunctionOutcome, number]> {
  const state = { isOver: false };
  const outcome = attack.finally(() => (state.isOver = true));
  let served = 0;
  for (let a = 0; !state.isOver; a += 1) {
    expect(await neighbour.call('f', { a })).toEqual({ value: a });
    if (!state.isOver) served += 1;
    // Lets what arrived from other processes in.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return [await outcome, served];
}

describe('a script without end', () => {
  it.each(time)('is ended: %s', async (_name, body) => {
    const functions = sandbox.functions({ source: `function f() { ${body} }` });
    const [[outcome, served], beside] = await Promise.all([
      amongOthers(functions.call('f')),
      sibling.call('f', { a: 'beside' }),
    ]);
    expect(codeOf(outcome)).toBe('script_timeout');
    // Others were served while it ran, not after it.
    expect(served).toBeGreaterThan(0);
    expect(beside).toEqual({ value: 'beside' });
  });

  it.each(leftBehind)('is ended when it has answered and left work without end behind: %s', async (_name, body) => {
    const functions = sandbox.functions({ source: `function f() { ${body} }\nconst g = () => 'next';` });
    expect(await functions.call('f')).toEqual({ value: 1 });
    expect(await functions.call('g')).toEqual({ value: 'next' });
  });

  it('is ended by time or by memory when it left a chain of promises behind, each of which holds the one before', async () => {
    const source = `function f() { const again = () => Promise.resolve().then(again); again(); return 1; }\nconst g = () => 'next';`;
    const functions = sandbox.functions({ source });
    // A fast machine uses up the memory before the time.
    expect(codeOf(await functions.call('f'))).toMatch(/^(a value|script_memory_exceeded)$/);
    expect(await functions.call('g')).toEqual({ value: 'next' });
  });

  it('is ended also while it is loaded', async () => {
    for (const source of ['for (;;); function f() {}', 'await new Promise(() => {}); const f = () => 1;']) {
      expect(codeOf(await sandbox.functions({ source }).call('f'))).toMatch(/^script_(timeout|error)$/);
    }
  });
});

describe('a script without measure', () => {
  it.each(memory)('is ended: %s', async (_name, body) => {
    const functions = sandbox.functions({ source: `function f() { ${body} }`, accountId: 'greedy' });
    const [[outcome], beside] = await Promise.all([
      amongOthers(functions.call('f')),
      sibling.call('f', { a: 'beside' }),
    ]);
    expect(codeOf(outcome)).toEqual(failures);
    expect(beside).toEqual({ value: 'beside' });
  });
});

describe('a script without bottom', () => {
  it.each(stack)('gets an error: %s', async (_name, body) => {
    const functions = sandbox.functions({ source: `function f() { ${body} }\nconst g = () => 'fine';` });
    expect(codeOf(await functions.call('f'))).toEqual(failures);
    expect(await functions.call('g')).toEqual({ value: 'fine' });
  });
});

describe('a script that brings its process down', () => {
  const crash = 'function f() { return ("x".repeat(2 ** 27) + 1).split("").length; }';

  it('is tried twice, then not at all for a while', async () => {
    const functions = sandbox.functions({ source: crash, limits: { quarantineMs: 60_000 } });
    expect(codeOf(await functions.call('f'))).toMatch(/^script_(crashed|memory_exceeded)$/);
    expect(functions.logs.map(({ level }) => level)).toEqual(['error']);
    expect(codeOf(await functions.call('f'))).toBe('script_quarantined');
    const reasons = functions.incidents.map(({ reason }) => reason);
    expect(reasons.slice(0, -1).every((reason) => reason === 'crashed' || reason === 'memory')).toBe(true);
    expect([reasons.length, reasons.at(-1)]).toEqual([3, 'quarantined']);
    expect(new Set(functions.incidents.map(({ scriptId }) => scriptId))).toEqual(new Set([functions.scriptId]));
  });

  it('is reported for the isolate that ran out of memory, as often as it did', async () => {
    const source =
      'const kept = []; const f = ({ fill }) => { for (; fill;) kept.push(new Array(100_000).fill(1.5)); return 1; };';
    const functions = sandbox.functions({ source, limits: { callMs: 20_000 } });
    expect(await functions.call('f')).toEqual({ value: 1 });
    expect(functions.incidents).toEqual([]);
    expect(codeOf(await functions.call('f', { fill: true }))).toBe('script_memory_exceeded');
    expect(functions.incidents).toEqual([{ scriptId: functions.scriptId, reason: 'memory' }]);
  });

  it('takes no call of another script with it', async () => {
    const attack = sandbox.functions({ source: crash, accountId: 'crowded' });
    const innocent = sandbox.functions({ source: 'const f = ({ a }) => a;', accountId: 'crowded' });
    const calls = Array.from({ length: 20 }, (_, a) => innocent.call('f', { a }));
    const attacked = attack.call('f');
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 20 }, (_, a) => ({ value: a })));
    expect(codeOf(await attacked)).not.toBe('a value');
  });
});

describe('one script, one account', () => {
  it('sees nothing that another script or account left behind', async () => {
    const leave =
      'globalThis.left = "secret"; Object.prototype.left = "secret"; Array.left = "secret"; const f = () => 1;';
    const find = 'const f = () => [globalThis.left ?? null, {}.left ?? null, Array.left ?? null];';
    const left = sandbox.functions({ source: leave });
    await left.call('f');
    for (const accountId of ['account', 'another']) {
      expect(await sandbox.functions({ source: find, accountId }).call('f')).toEqual({ value: [null, null, null] });
    }
    // Not even the same script in another hook.
    const same = sandbox.functions({ source: find, scriptId: left.scriptId, runId: left.runId });
    expect(await same.call('f', {}, { instance: 'step/postMap' })).toEqual({ value: [null, null, null] });
  });

  it('a result cannot pollute what it is merged into', async () => {
    const source = `const f = () => JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');`;
    const outcome = await sandbox.functions({ source }).call('f');
    expect(Object.getPrototypeOf((outcome as { value: object }).value)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('names of resources on Object.prototype are no scripts', async () => {
    for (const scriptId of ['__proto__', 'constructor', 'toString']) {
      const functions = sandbox.functions({ source: '' });
      expect(codeOf(await functions.call('f', {}, { home: { scriptId } }))).toBe('script_missing');
    }
  });
});
