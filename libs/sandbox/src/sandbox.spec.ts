import { afterAll, describe, expect, it } from '@jest/globals';
import type { FunctionOutcome } from '#engine';
import type { JsonRecord, JsonValue } from '#model';
import { TestSandbox } from './testing/test-sandbox.js';

const sandbox = new TestSandbox({ callMs: 2_000, pageMs: 4_000 });
afterAll(() => sandbox.close());

const run = (source: string, options: JsonRecord = {}, name = 'f'): Promise<FunctionOutcome> =>
  sandbox.functions({ source }).call(name, options);

describe('a function of a script (runtime §16.1)', () => {
  it.each<[string, string, JsonValue | undefined]>([
    ['a plain function at the top level', 'function f(options) { return options.data.length; }', 2],
    ['an arrow function', 'const f = (options) => options.data[0].id;', 7],
    ['an exported function', 'export function f({ data }) { return data; }', [{ id: 7 }, { id: 8 }]],
    [
      'an exported constant',
      'export const f = () => [null, false, 1.5, "é\u{1F600}"];',
      [null, false, 1.5, 'é\u{1F600}'],
    ],
    ['a function expression assigned later', 'let f; f = function () { return "late"; };', 'late'],
    ['a method made global', 'globalThis.f = () => 1;', 1],
    ['a bound function', 'const f = ((a, b) => a + b.data.length).bind(null, 1);', 3],
    ['a function that returns nothing', 'function f() {}', undefined],
    ['a function that returns null', 'function f() { return null; }', null],
  ])('is called when it is %s', async (_name, source, value) => {
    expect(await run(source, { data: [{ id: 7 }, { id: 8 }] })).toEqual({ value });
  });

  it('gets its configuration beside the other options (decision 25)', async () => {
    const functions = sandbox.functions({ source: 'const f = (options) => options;' });
    const outcome = await functions.call('f', { settings: { flow: {} } }, { configuration: { top: 5 } });
    expect(outcome).toEqual({ value: { settings: { flow: {} }, configuration: { top: 5 } } });
  });

  it('is named exactly, or is missing', async () => {
    const source = 'function preMap() {}\nconst notAFunction = 1;';
    for (const name of ['premap', 'notAFunction', 'a b', 'x;y', 'class', '']) {
      expect(await run(source, {}, name)).toEqual({
        failure: { code: 'script_function_missing', message: expect.any(String) },
      });
    }
  });
});

describe('published scripts load (runtime §16.2)', () => {
  it('with imports, samples and a call of the hook at the top level', async () => {
    const source = `
import { exports, imports, connections, flows, integrations, accessTokens, asyncHelpers, fileDefinitions, lookupCaches, state, request } from 'integrator-api'
import dayjs from 'dayjs'
import sjcl from 'sjcl'

/* sample */
let options = { data: [{ when: '2025-03-27T10:00:00Z' }], settings: {} }
f(options)

function f (options) {
  return options.data.map((record) => ({ data: { day: dayjs.utc(record.when).format('YYYY-MM-DD') } }))
}
f(options)`;
    expect(await run(source, { data: [{ when: '2024-01-31T00:00:00Z' }] })).toEqual({
      value: [{ data: { day: '2024-01-31' } }],
    });
  });

  it('dayjs knows time zones and custom formats', async () => {
    const source = `import dayjs from 'dayjs';
const f = () => [
  dayjs.utc('2025-07-01T12:00:00Z').tz('Europe/Berlin').format('HH:mm'),
  dayjs('31.12.2024', 'DD.MM.YYYY').format('YYYY-MM-DD'),
];`;
    expect(await run(source)).toEqual({ value: ['14:00', '2024-12-31'] });
  });

  it('sjcl hashes and encrypts, with randomness of its own', async () => {
    const source = `import sjcl from 'sjcl';
const f = () => {
  const sealed = sjcl.encrypt('secret', 'text');
  return [sjcl.codec.hex.fromBits(sjcl.hash.sha256.hash('abc')).slice(0, 8), sjcl.decrypt('secret', sealed), JSON.parse(sealed).iv];
};`;
    const [first, second] = (await Promise.all([run(source), run(source)])) as { value: string[] }[];
    expect(first!.value.slice(0, 2)).toEqual(['ba7816bf', 'text']);
    expect(first!.value[2]).not.toBe(second!.value[2]);
  });

  it('what cannot be imported is named', async () => {
    expect(await run("import _ from 'lodash';\nfunction f() {}")).toEqual({
      failure: {
        code: 'script_invalid',
        message: 'The script imports lodash; only integrator-api, dayjs and sjcl can be imported.',
      },
    });
  });

  it.each([
    [
      'exports.find()',
      'exports.find is not available in functions of flows: they cannot find, read or change resources.',
    ],
    [
      'connections.update({})',
      'connections.update is not available in functions of flows: they cannot find, read or change resources.',
    ],
    ['lookupCaches.run({})', 'lookupCaches.run is not supported: there are no lookup caches.'],
    ['lookupCaches.runVirtual({})', 'lookupCaches.runVirtual is not supported: there are no lookup caches.'],
    ['request({})', 'request cannot be called here.'],
    ['connections.run({})', 'connections.run cannot be called here.'],
    ['state.get("key")', 'state.get cannot be called here.'],
  ])('what flows cannot use of the platform API says so: %s', async (call, message) => {
    const source = `import * as api from 'integrator-api';\nfunction f() { return api.${call}; }`;
    expect(await run(source)).toEqual({ failure: { code: 'not_supported', message } });
  });

  it('malformed, they say where', async () => {
    expect(await run('function f() {\n  return (;\n}')).toEqual({
      failure: { code: 'script_invalid', message: expect.stringMatching(/^SyntaxError: .*script:2:/) },
    });
  });

  it('that throw at the top level say so', async () => {
    expect(await run('function f() {}\nnull.x;')).toEqual({
      failure: { code: 'script_error', message: expect.stringContaining('While loading: TypeError') },
    });
  });
});

describe('what a function throws becomes the failure', () => {
  it.each([
    ['an error', 'throw new Error("no stock")', 'script_error', 'no stock (line 2)'],
    ['a subclass', 'throw new TypeError("odd")', 'script_error', 'TypeError: odd (line 2)'],
    [
      'an engine error',
      'return options.a.b',
      'script_error',
      "TypeError: Cannot read properties of undefined (reading 'b') (line 2)",
    ],
    [
      'an error with a code',
      'throw Object.assign(new Error("is closed"), { code: "closed_salesorder" })',
      'closed_salesorder',
      'is closed',
    ],
    ['a plain object with a code', 'throw { code: 42, message: "no" }', '42', 'no'],
    ['a text', 'throw "plain text"', 'script_error', 'The script threw plain text.'],
    ['undefined', 'throw undefined', 'script_error', 'The script threw undefined.'],
    ['a symbol', 'throw Symbol("s")', 'script_error', 'The script threw Symbol(s).'],
    ['an object', 'throw { a: 1 }', 'script_error', '{"a":1}'],
  ])('%s', async (_name, statement, code, message) => {
    expect(await run(`function f(options) {\n${statement};\n}`)).toEqual({ failure: { code, message } });
  });
});

describe('what a function returns', () => {
  it('is JSON, as JSON.stringify sees it', async () => {
    const source = `function f() {
  return [new Date(0), undefined, NaN, new Map([[1, 2]]), { kept: 1, gone: undefined, fn() {} }, Object.create({ inherited: 1 })];
}`;
    expect(await run(source)).toEqual({ value: ['1970-01-01T00:00:00.000Z', null, null, {}, { kept: 1 }, {}] });
  });

  it.each([
    ['a cycle', 'const a = {}; a.a = a; return a;', /plain JSON.*circular/i],
    ['a BigInt', 'return [1n];', /plain JSON.*BigInt/i],
    ['a function', 'return () => 1;', /a function, which is not JSON/],
    ['a symbol', 'return Symbol("x");', /a symbol, which is not JSON/],
    ['a promise', 'return Promise.resolve(1);', /promise.*synchronous/],
    ['promises of records', 'return options.data.map(async (x) => x);', /promise.*synchronous/],
    ['a throwing toJSON', 'return { toJSON() { throw new Error("ha"); } };', /plain JSON: ha/],
    ['a throwing getter', 'return { get a() { throw new Error("ha"); } };', /plain JSON: ha/],
    [
      'endless nesting',
      'let a = []; for (let i = 0; i < 1e4; i++) a = [a]; return a;',
      /nested deeper than 500 levels/,
    ],
  ])('must be plain JSON: %s', async (_name, body, message) => {
    expect(await run(`function f(options) { ${body} }`, { data: [1] })).toEqual({
      failure: { code: 'invalid_extension_response', message: expect.stringMatching(message) },
    });
  });

  it.each([
    ['brackets in texts', '["[[[[".repeat(400), "\\\\", "\\\"[[[["]', true],
    ['500 levels', 'nest(500)', true],
    ['501 levels', 'nest(501)', false],
  ])('may be nested 500 levels deep: %s', async (_name, value, isAllowed) => {
    const nest = 'const nest = (n) => { let a = 1; for (let i = 0; i < n; i++) a = i % 2 ? [a] : { a }; return a; };';
    const outcome = await run(`${nest}\nconst f = () => ${value};`);
    expect('value' in outcome).toBe(isAllowed);
  });

  it('an async function is refused', async () => {
    expect(await run('async function f() { return 1; }')).toEqual({
      failure: { code: 'invalid_extension_response', message: expect.stringMatching(/synchronous/) },
    });
  });

  it('is at most 5 MB', async () => {
    const largest = await run('const f = () => "x".repeat(5 * 1024 * 1024 - 2);');
    // By length: a difference between texts of this size is nothing to print.
    expect('value' in largest ? JSON.stringify(largest.value).length : largest.failure).toBe(5 * 1024 * 1024);
    for (const text of ['"x".repeat(5 * 1024 * 1024)', '"é".repeat(3 * 1024 * 1024)']) {
      expect(await run(`const f = () => ${text};`)).toEqual({
        failure: { code: 'response_size_exceeded', message: expect.any(String) },
      });
    }
  });
});

describe('a function called for each record of a page', () => {
  it('answers for each, and a call that fails fails alone', async () => {
    const functions = sandbox.functions({
      source: 'const f = ({ record, settings }) => { settings.touched = true; return record.a > settings.least; };',
    });
    const each = [{ record: { a: 1 } }, { record: { a: 3 } }, { record: null }, { record: { a: 9 } }];
    expect(await functions.callEach('f', { settings: { least: 2 } }, each)).toEqual([
      { value: false },
      { value: true },
      { failure: { code: 'script_error', message: expect.stringContaining('null') } },
      { value: true },
    ]);
  });

  it('lays the options of each over the common ones', async () => {
    const functions = sandbox.functions({ source: 'const f = (options) => options;' });
    expect(await functions.callEach('f', { a: 1, b: 1 }, [{ b: 2 }, { c: 3 }])).toEqual([
      { value: { a: 1, b: 2 } },
      { value: { a: 1, b: 1, c: 3 } },
    ]);
  });

  it('a record that takes too long fails alone, while time is left', async () => {
    const functions = sandbox.functions({
      source: 'const f = ({ n }) => { if (n === 1) for (;;); return n; };',
      limits: { callMs: 300, pageMs: 5_000 },
    });
    expect(await functions.callEach('f', {}, [{ n: 0 }, { n: 1 }, { n: 2 }])).toEqual([
      { value: 0 },
      { failure: { code: 'script_timeout', message: 'The script ran longer than 0.3 s.' } },
      { value: 2 },
    ]);
  });

  it('all that is left fails when the time of the page is over', async () => {
    const functions = sandbox.functions({
      source: 'const f = ({ n }) => { if (n > 0) for (;;); return n; };',
      limits: { callMs: 300, pageMs: 500 },
    });
    const outcomes = await functions.callEach('f', {}, [{ n: 0 }, { n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }]);
    expect(outcomes.map((outcome) => ('failure' in outcome ? outcome.failure.code : outcome.value))).toEqual([
      0,
      'script_timeout',
      'script_timeout',
      'script_timeout',
      'script_timeout',
    ]);
  });

  it('nothing is called for an empty page', async () => {
    const functions = sandbox.functions({ source: 'const f = () => 1;' });
    expect(await functions.callEach('f', {}, [])).toEqual([]);
  });
});

describe('variables of a module (runtime §16.2, decision 27)', () => {
  const source =
    'let calls = 0;\nfunction f() { calls += 1; return calls; }\nfunction g() { calls += 10; return calls; }';

  it('survive from page to page of one hook of a run', async () => {
    const functions = sandbox.functions({ source });
    expect(await functions.call('f')).toEqual({ value: 1 });
    expect(await functions.call('f')).toEqual({ value: 2 });
  });

  it('are shared neither between hooks nor between runs', async () => {
    const functions = sandbox.functions({ source });
    await functions.call('f', {}, { instance: 'step/preMap' });
    expect(await functions.call('f', {}, { instance: 'step/postMap' })).toEqual({ value: 1 });
    expect(await functions.call('g', {}, { instance: 'step/preMap' })).toEqual({ value: 10 });
    const nextRun = sandbox.functions({ source, scriptId: functions.scriptId });
    expect(await nextRun.call('f', {}, { instance: 'step/preMap' })).toEqual({ value: 1 });
  });

  it('of a changed script start anew', async () => {
    const before = sandbox.functions({ source });
    await before.call('f');
    const after = sandbox.functions({ source: `${source}\n`, scriptId: before.scriptId, runId: before.runId });
    expect(await after.call('f')).toEqual({ value: 1 });
  });
});

describe('what a script writes to the console (resources §9)', () => {
  it('is kept with its level, hook and step', async () => {
    const functions = sandbox.functions({
      source: `function f() {
  console.log('text', { a: 1 }, [1], null, undefined, 5n);
  console.info('i'); console.warn('w'); console.error('e'); console.debug('d');
}`,
    });
    await functions.call('f', {}, { instance: 'stepId/preMap' });
    const place = { scriptId: functions.scriptId, functionType: 'preMap', resourceId: 'stepId' };
    const time: unknown = expect.any(Number);
    expect(functions.logs).toEqual([
      { ...place, time, level: 'info', message: 'text {"a":1} [1] null undefined 5' },
      { ...place, time, level: 'info', message: 'i' },
      { ...place, time, level: 'warn', message: 'w' },
      { ...place, time, level: 'error', message: 'e' },
    ]);
  });

  it('keeps debug lines while debugUntil is in the future', async () => {
    const source = "const f = () => console.debug('d');";
    const open = sandbox.functions({ source, debugUntil: '2999-01-01T00:00:00.000Z' });
    const over = sandbox.functions({ source, debugUntil: '2001-01-01T00:00:00.000Z' });
    await open.call('f');
    await over.call('f');
    expect(open.logs.map(({ level }) => level)).toEqual(['debug']);
    expect(over.logs).toEqual([]);
  });

  it('is bounded in lines and in length, and says what was dropped', async () => {
    const functions = sandbox.functions({
      source: "function f() { console.log('x'.repeat(1e6)); for (let i = 0; i < 1e5; i++) console.log(i); }",
    });
    await functions.call('f');
    expect(functions.logs).toHaveLength(201);
    expect(functions.logs[0]!.message).toHaveLength(4_000);
    expect(functions.logs.at(-1)!.message).toBe('99801 further lines of this call were dropped.');
  });

  it('is kept when the function runs out of time', async () => {
    const functions = sandbox.functions({
      source: "function f() { console.log('before'); for (;;); }",
      limits: { callMs: 300 },
    });
    expect(await functions.call('f')).toEqual({ failure: { code: 'script_timeout', message: expect.any(String) } });
    expect(functions.logs.map(({ message }) => message)).toEqual(['before']);
  });
});

describe('references that lead nowhere', () => {
  it('are failures', async () => {
    const functions = sandbox.functions({ source: '' });
    expect(await functions.call('f', {}, { home: { scriptId: 'other' } })).toEqual({
      failure: { code: 'script_missing', message: 'The script other does not exist.' },
    });
    expect(await functions.call('f', {}, { home: { stackId: 'any' } })).toEqual({
      failure: { code: 'not_supported', message: expect.stringContaining('stack') },
    });
  });
});

describe('a cancel', () => {
  it('rejects what runs and what waits with AbortError, at once', async () => {
    const functions = sandbox.functions({ source: 'function f() { for (;;); }', limits: { callMs: 60_000 } });
    const calls = [functions.call('f'), functions.call('f')];
    await functions.call('f', {}, { instance: 'x', home: { scriptId: 'missing' } });
    functions.cancel();
    for (const call of calls) await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    await expect(functions.call('f')).rejects.toMatchObject({ name: 'AbortError' });
  });
});
