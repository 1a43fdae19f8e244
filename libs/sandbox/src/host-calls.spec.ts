import { afterAll, describe, expect, it } from '@jest/globals';
import type { FunctionOutcome } from '#engine';
import { HostCallError, type Host, type HostCall } from './host-calls.js';
import { TestSandbox } from './testing/test-sandbox.js';

/** What scripts ask of the platform while they run. Reference: runtime §16.2. */
const sandbox = new TestSandbox({ callMs: 500, pageMs: 3_000, maxHostCalls: 10, maxOutputBytes: 100_000 });
afterAll(() => sandbox.close());

const api = "import { connections, exports, imports, request, state } from 'integrator-api';\n";
const echo: Host = async ({ name, values }) => JSON.stringify({ name, values: JSON.parse(values) as unknown });

const call = (body: string, host: Host = echo): Promise<FunctionOutcome> =>
  sandbox.functions({ source: `${api}function f(options) { ${body} }`, host }).call('f', { a: 1 });

/** A host that waits until nobody waits for it. */
function waitingHost(): { host: Host; calls: HostCall[]; given: Promise<void> } {
  const calls: HostCall[] = [];
  const { promise: given, resolve } = Promise.withResolvers<void>();
  const host: Host = (asked, signal) => {
    calls.push(asked);
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        resolve();
        reject(signal.reason as Error);
      });
    });
  };
  return { host, calls, given };
}

describe('a host call', () => {
  it.each([
    ['state.get("a")', { name: 'state.get', values: ['a'] }],
    ['state.put("a", { b: [1, null] })', { name: 'state.put', values: ['a', { b: [1, null] }] }],
    ['exports.run({ _id: "1", data: [options.a] })', { name: 'exports.run', values: [{ _id: '1', data: [1] }] }],
    ['imports.run({ at: new Date(0) })', { name: 'imports.run', values: [{ at: '1970-01-01T00:00:00.000Z' }] }],
    ['state.find()', { name: 'state.find', values: [] }],
    ['connections.run({ _id: "1" })', { name: 'connections.run', values: [{ _id: '1' }] }],
    ['request({ url: "/v1/flows" })', { name: 'request', values: [{ url: '/v1/flows' }] }],
    ['state.get(undefined, () => 1)', { name: 'state.get', values: [null, null] }],
    ['state.get("ü\\u2028\\n")', { name: 'state.get', values: ['ü\u2028\n'] }],
  ])('gives JSON, and gets JSON: %s', async (body, value) => {
    expect(await call(`return ${body};`)).toEqual({ value });
  });

  it('that gives nothing gives undefined', async () => {
    expect(await call('return [typeof state.get("a")];', async () => undefined)).toEqual({ value: ['undefined'] });
  });

  it('that fails throws, with code and message; the function may go on', async () => {
    const host: Host = () => Promise.reject(new HostCallError('not_there', 'There is none.'));
    expect(await call('state.get("a");', host)).toEqual({ failure: { code: 'not_there', message: 'There is none.' } });
    const caught = 'try { state.get("a"); } catch (e) { return [e instanceof Error, e.code, e.message]; }';
    expect(await call(caught, host)).toEqual({ value: [true, 'not_there', 'There is none.'] });
  });

  it('works for each record of a page, in order', async () => {
    const functions = sandbox.functions({ source: `${api}const f = ({ n }) => state.get(n).values[0];`, host: echo });
    const each = Array.from({ length: 50 }, (_, n) => ({ n }));
    expect(await functions.callEach('f', {}, each)).toEqual(each.map(({ n }) => ({ value: n })));
  });

  it('is refused while a script is loaded, which every worker does any number of times', async () => {
    const source = `${api}let code; try { state.get("a"); } catch (e) { code = e.code; }\nconst f = () => code;`;
    const asked: HostCall[] = [];
    const host: Host = async (each) => void asked.push(each);
    expect(await sandbox.functions({ source, host }).call('f')).toEqual({ value: 'not_supported' });
    expect(asked).toEqual([]);
  });

  it('waits for functions of greater depth, of the same script too', async () => {
    const outer: Host = async () => {
      const inner = sandbox.functions({ ...script, depth: 1, host: async () => '"deep"' });
      return JSON.stringify(await inner.call('f'));
    };
    const script = { source: `${api}const f = () => state.get('a');`, scriptId: 'same', accountId: 'deep' };
    expect(await sandbox.functions({ ...script, host: outer }).call('f')).toEqual({ value: { value: 'deep' } });
  });
});

describe('a host call that takes too long', () => {
  it.each([
    ['plain', 'return state.get("a");'],
    ['caught, again and again', 'for (;;) { try { state.get("a"); } catch {} }'],
    ['in finally', 'try { state.get("a"); } finally { state.get("b"); }'],
    ['before an endless loop', 'try { state.get("a"); } catch { for (;;); }'],
    ['in a getter', 'return { get a() { return state.get("a"); } };'],
    ['in toJSON of an argument', 'state.get({ toJSON() { return state.get("a"); } });'],
  ])('is ended with its call, and the host is told: %s', async (_, body) => {
    const { host, given } = waitingHost();
    const source = `${api}function f() { ${body} }\nconst g = () => 'fine';`;
    const functions = sandbox.functions({ source, host });
    expect(await functions.call('f')).toEqual({
      failure: { code: 'script_timeout', message: 'The script ran longer than 0.5 s.' },
    });
    await given;
    expect(await functions.call('g')).toEqual({ value: 'fine' });
  });

  it('throws while there is a moment left to make something of it', async () => {
    const { host } = waitingHost();
    const body = 'try { state.get("a"); } catch (e) { return e.code; }';
    expect(await call(body, host)).toEqual({ value: 'script_timeout' });
  });

  it('fails for its record alone', async () => {
    const { host } = waitingHost();
    const slowOnce: Host = (asked, signal) => (asked.values === '[1]' ? host(asked, signal) : echo(asked, signal));
    const functions = sandbox.functions({ source: `${api}const f = ({ n }) => state.get(n).values;`, host: slowOnce });
    expect(await functions.callEach('f', {}, [{ n: 0 }, { n: 1 }, { n: 2 }])).toEqual([
      { value: [0] },
      { failure: { code: 'script_timeout', message: 'The script ran longer than 0.5 s.' } },
      { value: [2] },
    ]);
  });

  it('ends when the run is canceled', async () => {
    const { host, given, calls } = waitingHost();
    const functions = sandbox.functions({
      source: `${api}const f = () => state.get(1);`,
      host,
      limits: { callMs: 60_000 },
    });
    const outcome = functions.call('f');
    const canceled = expect(outcome).rejects.toThrow('canceled');
    for (let at = 0; calls.length === 0 && at < 1_000; at += 1) await new Promise((resolve) => setTimeout(resolve, 5));
    functions.cancel();
    await canceled;
    await given;
  });
});

describe('hostile host calls', () => {
  it.each([
    ['a flood', 'for (;;) state.get("a");', 'host_calls_exceeded'],
    ['a giant payload', 'state.put("a", "x".repeat(100_000));', 'request_size_exceeded'],
    ['a giant payload in UTF-8', 'state.put("a", "€".repeat(40_000));', 'request_size_exceeded'],
    ['nesting', 'let a = 1; for (let i = 0; i < 600; i++) a = [a]; state.put("a", a);', 'invalid_argument'],
    ['a cycle', 'const a = {}; a.a = a; state.put("a", a);', 'script_error'],
    ['a BigInt', 'state.put("a", 1n);', 'script_error'],
    ['a getter that throws', 'state.put("a", { get a() { throw { code: "mine", message: "x" }; } });', 'mine'],
    ['a Proxy that throws', 'state.put("a", new Proxy({}, { ownKeys() { throw 1; } }));', 'script_error'],
    ['a getter without end', 'state.put("a", { get a() { for (;;); } });', 'script_timeout'],
    ['recursion in toJSON', 'const a = { toJSON() { return state.put(a); } }; state.put(a);', 'host_calls_exceeded'],
    [
      'recursion without end',
      'const f = () => { try { f(); } finally { state.get("a"); } }; f();',
      'host_calls_exceeded',
    ],
  ])('%s ends as the failure of its call', async (_, body, code) => {
    expect(await call(body)).toMatchObject({ failure: { code } });
  });

  it('an answer that is too large becomes an exception', async () => {
    expect(await call('return state.get("a");', async () => JSON.stringify('x'.repeat(100_000)))).toMatchObject({
      failure: { code: 'response_size_exceeded' },
    });
  });

  it('a script that changes built-ins fools itself only', async () => {
    const source = `${api}
      JSON.parse = () => [0, 'forged']; JSON.stringify = () => '["forged"]'; Array.prototype[Symbol.iterator] = null;
      Object.prototype.result = { reference: true }; Object.prototype.arguments = { reference: true };
      Object.prototype.toJSON = undefined; Function.prototype.apply = Function.prototype.call = null;
      const f = () => state.get('a');`;
    expect(await sandbox.functions({ source, host: echo }).call('f')).toEqual({
      value: { name: 'state.get', values: ['a'] },
    });
  });

  it.each([
    ['the global object', 'return Object.getOwnPropertyNames(globalThis).filter((name) => name.includes("millrace"));'],
    [
      'stack traces',
      'Error.prepareStackTrace = (_, s) => s.map((c) => typeof c.getFunction() + typeof c.getThis()); try { state.get({ toJSON() { throw new Error(); } }); } catch (e) { return [...e.stack].filter((t) => t !== "undefinedundefined"); }',
    ],
    [
      'callers',
      'const out = []; const g = function () { try { out.push(g.caller); } catch {} }; state.get({ toJSON: g }); return out;',
    ],
    ['the frozen API', 'try { state.get = () => 1; } catch { return []; }'],
  ])('nothing of the channel is found in %s', async (_, body) => {
    expect(await call(body)).toEqual({ value: [] });
  });

  it('whatever is asked for, the account and the run stay those of the scope', async () => {
    const asked: HostCall[] = [];
    const host: Host = async (each) => void asked.push(each);
    await call('state.get({ accountId: "other", runId: "other", id: 7, sequence: 7, kind: "host-answer" });', host);
    expect(asked.map(({ name }) => name)).toEqual(['state.get']);
  });

  it('an answer of a call that is over goes to nobody', async () => {
    const answers: (() => void)[] = [];
    const late: Host = ({ values }) =>
      new Promise((resolve) => {
        if (values === '["first"]') answers.push(() => resolve('"late"'));
        else {
          for (const answer of answers) answer();
          resolve('"own"');
        }
      });
    const source = `${api}const f = ({ n }) => state.get(n);`;
    const functions = sandbox.functions({ source, host: late });
    expect(await functions.call('f', { n: 'first' })).toMatchObject({ failure: { code: 'script_timeout' } });
    expect(await functions.call('f', { n: 'second' })).toEqual({ value: 'own' });
  });
});
