/**
 * Bodies of functions that try to leave their sandbox, collected from public advisories and write-ups on vm2, node:vm,
 * safe-eval, jailed, static-eval, notevil, isolated-vm, Function constructors and prototype pollution. Each returns the
 * thing it got hold of; the suite looks at what that thing leads to.
 */
export const escapes: readonly (readonly [name: string, attempt: string])[] = [
  // Globals of Node and of browsers.
  ['process by name', 'return typeof process === "undefined" ? null : process;'],
  ['require by name', 'return typeof require === "undefined" ? null : require("child_process");'],
  ['module by name', 'return typeof module === "undefined" ? null : module;'],
  ['fetch by name', 'return typeof fetch === "undefined" ? null : fetch;'],
  ['global by name', 'return typeof global === "undefined" ? null : global;'],
  ['Buffer by name', 'return typeof Buffer === "undefined" ? null : Buffer;'],
  ['timers by name', 'return typeof setTimeout === "undefined" ? null : setTimeout(() => 1, 1);'],
  ['queueMicrotask by name', 'return typeof queueMicrotask === "undefined" ? null : queueMicrotask;'],
  ['importScripts by name', 'return typeof importScripts === "undefined" ? null : importScripts;'],
  ['gc and V8 natives', 'return typeof gc === "undefined" ? eval("%GetUndetectable()") : gc;'],
  [
    'every own name of the global object',
    'return Object.getOwnPropertyNames(globalThis).map((name) => globalThis[name]).find((v) => v && v.mainModule);',
  ],
  ['symbols of the global object', 'return Object.getOwnPropertySymbols(globalThis).map((s) => globalThis[s])[0];'],
  ['the prototype of the global object', 'return Object.getPrototypeOf(Object.getPrototypeOf(globalThis));'],
  ['this of a sloppy function', 'return Function("return this")();'],
  ['this at the top of an arrow', 'return (() => this)();'],

  // Function constructors.
  [
    'constructor.constructor',
    'return this?.constructor?.constructor("return process")() ?? ({}).constructor.constructor("return process")();',
  ],
  ['constructor of an array method', 'return [].filter.constructor("return process.mainModule.require(\'fs\')")();'],
  ['constructor of a string', 'return "".constructor.constructor("return process.env")();'],
  ['constructor of a number', 'return (1).constructor.constructor("return require")();'],
  ['constructor of a symbol', 'return Symbol().constructor.constructor("return globalThis.process")();'],
  ['constructor of a regular expression', 'return /x/.constructor.constructor("return process")();'],
  ['the generator constructor', 'return (function* () {}).constructor("yield process")().next().value;'],
  [
    'the async constructor',
    '(async () => {}).constructor("return process")().catch(() => {}); return (async () => {}).constructor;',
  ],
  ['the async generator constructor', 'return (async function* () {}).constructor("yield process")();'],
  ['a class constructor', 'return (class { static x() {} }).x.constructor("return process")();'],
  ['a bound function', 'return (function () {}).bind().constructor("return process")();'],
  [
    'a getter function',
    'return Object.getOwnPropertyDescriptor({ get a() { return 1; } }, "a").get.constructor("return process")();',
  ],
  [
    'the proto getter',
    'return Object.getOwnPropertyDescriptor(Object.prototype, "__proto__").get.constructor("return process")();',
  ],
  [
    '__lookupGetter__',
    'return ({}).__lookupGetter__("__proto__").call(globalThis).constructor.constructor("return process")();',
  ],
  ['indirect eval', 'return (0, eval)("process");'],
  [
    'eval by way of Reflect',
    'return Reflect.apply(eval, null, ["typeof process === \'undefined\' ? null : process"]);',
  ],
  ['Reflect.construct of Function', 'return Reflect.construct(Function, ["return process"])();'],
  [
    'Reflect.construct with another new.target',
    'return Reflect.construct(Function, ["return process"], class extends Array {})();',
  ],
  ['a closing brace in the body', 'return new Function("/*", "*/){return process")();'],
  ['default parameters', 'return Function("a = process", "return a")();'],
  ['subclass of Function', 'class F extends Function {} return new F("return process")();'],
  [
    'species of a Function subclass',
    'class F extends Function { static get [Symbol.species]() { return Function; } } return new F("return process")();',
  ],

  // What the host handed in.
  ['constructor of the options', 'return options.constructor.constructor("return process")();'],
  ['constructor of the records', 'return options.data.constructor.constructor("return process")();'],
  ['prototype of the options', 'return Object.getPrototypeOf(options).constructor;'],
  ['constructor of console', 'return console.constructor.constructor("return process")();'],
  ['constructor of console.log', 'return console.log.constructor("return process")();'],
  ['the caller of console.log', 'return console.log.caller;'],
  ['the arguments of the caller', 'return attempt.caller?.arguments;'],
  ['arguments.callee.caller', 'return Function("return arguments.callee.caller")();'],
  [
    'this of console.log',
    'const seen = []; console.log.call({ toString() { seen.push(this); return ""; } }); return seen[0];',
  ],
  [
    'what console does with a value',
    'let seen; console.log({ toJSON() { seen = Function("return this")(); return 1; } }); return seen;',
  ],
  [
    'the error inside of console',
    'let seen; console.log({ get stack() { try { null.x; } catch (error) { seen = error; } throw seen; } }); return seen;',
  ],
  [
    'a proxy handed to console',
    'let seen; console.log(new Proxy({}, { get(target, key, receiver) { seen ??= receiver; return undefined; } })); return seen;',
  ],
  [
    'a proxy thrown into console',
    'let seen; console.log(new Proxy(() => {}, { apply(t, self, args) { seen = args; }, get: () => Function })); return seen;',
  ],
  [
    'Symbol.toPrimitive in console',
    'let seen; console.log(Object.assign(Object.create(null), { [Symbol.toPrimitive](hint) { seen = this; return "x"; } })); return seen;',
  ],

  // Exceptions that cross borders.
  ['a native error', 'try { null.x; } catch (error) { return error.constructor.constructor("return process")(); }'],
  [
    'a stack overflow',
    'let last; const deep = () => { try { deep(); } catch (error) { last = error; } }; deep(); return last.constructor.constructor("return process")();',
  ],
  [
    'a stack overflow in JSON',
    'let last; const deep = () => { try { JSON.stringify({ toJSON: deep }); } catch (error) { last = error; } }; deep(); return last;',
  ],
  [
    'a stack overflow in console',
    'let last; const deep = () => { try { console.log({ toJSON: deep }); } catch (error) { last = error; } }; deep(); return last;',
  ],
  [
    'a stack overflow in a regular expression',
    'try { RegExp("(".repeat(1e5) + ")".repeat(1e5)).test(""); } catch (error) { return error; }',
  ],
  [
    'an error of a Proxy trap',
    'try { Object.getPrototypeOf(new Proxy({}, { getPrototypeOf: () => 1 })); } catch (error) { return error; }',
  ],
  ['a range error of an array', 'try { new Array(-1); } catch (error) { return error.constructor; }'],
  ['a syntax error of eval', 'try { eval("("); } catch (error) { return error.constructor.constructor; }'],
  ['a syntax error of JSON', 'try { JSON.parse("{"); } catch (error) { return error; }'],
  ['an aggregate error', 'return new AggregateError([new Error()]).errors[0];'],
  [
    'a suppressed error',
    'return typeof SuppressedError === "undefined" ? null : new SuppressedError(1, 2).constructor;',
  ],
  [
    'Error.prepareStackTrace',
    'Error.prepareStackTrace = (error, frames) => frames; const frames = new Error().stack; Error.prepareStackTrace = undefined; return frames[0]?.getThis?.() ?? frames;',
  ],
  [
    'functions in call sites',
    'Error.prepareStackTrace = (error, frames) => frames.map((frame) => frame.getFunction?.()); const found = new Error().stack; Error.prepareStackTrace = undefined; return found.find?.((f) => f);',
  ],
  [
    'this in call sites',
    'Error.prepareStackTrace = (error, frames) => frames.map((frame) => frame.getThis?.()); const found = new Error().stack; Error.prepareStackTrace = undefined; return found.find?.((f) => f);',
  ],
  [
    'file names in call sites',
    'Error.prepareStackTrace = (error, frames) => frames.map((frame) => frame.getFileName?.()).join(); const found = new Error().stack; Error.prepareStackTrace = undefined; return found;',
  ],
  [
    'eval origins in call sites',
    'Error.prepareStackTrace = (error, frames) => frames.map((frame) => frame.getEvalOrigin?.()).join(); const found = new Error().stack; Error.prepareStackTrace = undefined; return found;',
  ],
  [
    'prepareStackTrace on Object.prototype',
    'Object.prototype.prepareStackTrace = (error, frames) => frames; const { stack } = new Error(); delete Object.prototype.prepareStackTrace; return stack[0];',
  ],
  ['Error.captureStackTrace', 'const holder = {}; Error.captureStackTrace(holder); return holder.stack;'],
  [
    'Error.captureStackTrace with a proxy',
    'const holder = new Proxy({}, { defineProperty(t, k, d) { holder.found = d; return true; } }); Error.captureStackTrace(holder); return holder.found?.value;',
  ],
  [
    'Error.stackTraceLimit as a getter',
    'Object.defineProperty(Error, "stackTraceLimit", { get() { return 1e9; }, configurable: true }); try { null.x; } catch (error) { return error; } finally { delete Error.stackTraceLimit; }',
  ],
  [
    'the cause of an error',
    'try { throw new Error("x", { cause: options }); } catch (error) { return error.cause.constructor; }',
  ],

  // Getters, traps and symbols on the way out.
  [
    'Symbol.hasInstance',
    'class A { static [Symbol.hasInstance](value) { return value; } } return options instanceof A;',
  ],
  [
    'Symbol.species of arrays',
    'class A extends Array { static get [Symbol.species]() { return Function; } } try { return new A(1).map(() => 1); } catch (error) { return error; }',
  ],
  [
    'Symbol.species of promises',
    'class P extends Promise { static get [Symbol.species]() { return function (executor) { return new Promise(executor); }; } } return P.resolve(1).then(() => 1);',
  ],
  [
    'Symbol.species of regular expressions',
    'class R extends RegExp { static get [Symbol.species]() { return function () { return { exec: () => null }; }; } } return "a".split(new R("a"));',
  ],
  [
    'Symbol.unscopables',
    'return Function("o", "with (o) { return typeof process === \'undefined\' ? null : process; }")(new Proxy({}, { has: () => true, get: (t, k) => (k === Symbol.unscopables ? undefined : undefined) }));',
  ],
  [
    'Symbol.toStringTag',
    'return { get [Symbol.toStringTag]() { return Function("return this")().process; } }.toString();',
  ],
  [
    'Symbol.isConcatSpreadable',
    'return [].concat({ length: 1, 0: Function, [Symbol.isConcatSpreadable]: true })[0]("return this")();',
  ],
  ['Symbol.iterator of arguments', 'return (function () { return [...arguments]; })(Function)[0]("return this")();'],
  ['a promise’s then', 'let seen; Promise.resolve({ then(resolve) { seen = resolve; } }); return seen;'],
  ['a promise’s finally', 'return Promise.prototype.finally.constructor("return process")();'],
  [
    'an async function’s rejection',
    'let seen; (async () => { throw new Error("x"); })().catch((error) => { seen = error; }); return seen;',
  ],
  [
    'an async generator’s return',
    'let seen; const g = (async function* () { yield 1; })(); g.return({ get then() { seen = this; return undefined; } }).catch(() => {}); return seen;',
  ],
  [
    'Array.fromAsync',
    'return typeof Array.fromAsync === "function" ? Array.fromAsync.constructor("return process")() : null;',
  ],
  [
    'a Proxy’s trap arguments',
    'let seen; new Proxy(function () {}, { construct(target, args, newTarget) { seen = newTarget; return {}; } }).call; return seen ?? Reflect.construct(new Proxy(function () {}, { construct: (t, a, n) => n }), []);',
  ],
  [
    'a revoked Proxy',
    'const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); try { return proxy.x; } catch (error) { return error; }',
  ],
  [
    'a Proxy around Function',
    'return new Proxy(Function, { apply: (target, self, args) => Reflect.apply(target, self, args) })("return process")();',
  ],
  [
    'a Proxy as prototype of the global object',
    'try { Object.setPrototypeOf(globalThis, new Proxy({}, { get: () => undefined })); } catch (error) { return error; }',
  ],
  [
    'setters on Array.prototype',
    'let seen; Object.defineProperty(Array.prototype, "0", { set(value) { seen = value; }, configurable: true }); try { [].push(1); } catch {} delete Array.prototype[0]; return seen;',
  ],
  ['weak references', 'return new WeakRef(options).deref().constructor.constructor("return process")();'],
  ['finalisers', 'let seen; new FinalizationRegistry((held) => { seen = held; }).register({}, Function); return seen;'],
  ['a structured clone', 'return typeof structuredClone === "undefined" ? null : structuredClone(options);'],
  [
    'a realm of its own',
    'return typeof ShadowRealm === "undefined" ? null : new ShadowRealm().evaluate("globalThis.process");',
  ],
  ['Intl', 'return Intl.DateTimeFormat.constructor("return process")();'],
  [
    'Temporal',
    'return typeof Temporal === "undefined" ? null : Temporal.Now.constructor.constructor("return process")();',
  ],
  [
    'Iterator helpers',
    'return typeof Iterator === "undefined" ? null : Iterator.prototype.map.constructor("return process")();',
  ],

  // Modules.
  ['a dynamic import of fs', 'return import("fs").catch(() => null);'],
  [
    'a dynamic import of node:fs',
    'return import("node:fs").then((fs) => fs.readFileSync("/etc/passwd", "utf8"), () => null);',
  ],
  ['a dynamic import of a file', 'return import("file:///etc/passwd").catch(() => null);'],
  ['a dynamic import of data', 'return import("data:text/javascript,export default process").catch(() => null);'],
  ['a dynamic import in an eval', 'return eval("import(\'child_process\')").catch(() => null);'],
  ['a dynamic import in a Function', 'return Function("return import(\'child_process\')")().catch(() => null);'],
  [
    'a dynamic import with a hostile name',
    'return import({ toString() { return Function("return this")().process; } }).catch((error) => error);',
  ],
  ['a dynamic import of our own modules', 'return import("isolated-vm").catch((error) => error);'],
  ['import.meta', 'return eval("typeof import.meta") ;'],

  // Bindings, memory, other threads.
  ['process.binding', 'return Function("return process.binding(\'spawn_sync\')")();'],
  ['process.dlopen', 'return Function("return process.dlopen")();'],
  [
    'process.mainModule',
    "return Function(\"return process.mainModule.require('child_process').execSync('id').toString()\")();",
  ],
  ['internalBinding', 'return Function("return internalBinding(\'fs\')")();'],
  ['isolated-vm by its globals', 'return globalThis.ivm ?? globalThis._ivm ?? globalThis.$0 ?? null;'],
  ['arguments of the glue', 'return typeof $0 === "undefined" ? null : Function("return $0")();'],
  ['SharedArrayBuffer', 'return typeof SharedArrayBuffer === "undefined" ? null : new SharedArrayBuffer(8);'],
  [
    'SharedArrayBuffer of WebAssembly memory',
    'return typeof WebAssembly === "undefined" ? null : new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer.constructor;',
  ],
  ['WebAssembly imports', 'return typeof WebAssembly === "undefined" ? null : WebAssembly;'],
  ['Atomics.wait', 'return typeof Atomics === "undefined" ? null : Atomics;'],
  [
    'a typed array over foreign memory',
    'const buffer = new ArrayBuffer(8, { maxByteLength: 1 << 20 }); const view = new Uint8Array(buffer); buffer.resize(4); return String(view[7]);',
  ],
  [
    'a detached buffer',
    'const buffer = new ArrayBuffer(8); const view = new DataView(buffer); buffer.transfer?.(); try { return String(view.getInt8(0)); } catch (error) { return error; }',
  ],
  [
    'an array that shrinks while it sorts',
    'const a = Array.from({ length: 1e4 }, (_, i) => i); a.sort((x, y) => { a.length = 1; return y - x; }); return a;',
  ],
  [
    'a length that lies',
    'return Array.prototype.slice.call({ length: 2, 0: Function, get 1() { return this[0]; } })[1]("return this")();',
  ],

  // Prototype pollution that aims at the host, or at the glue.
  [
    'polluting Object.prototype',
    'Object.prototype.polluted = 1; Object.prototype.shell = "/bin/sh"; return {}.polluted;',
  ],
  ['polluting by __proto__ in JSON', 'return JSON.parse(\'{"__proto__":{"polluted":1}}\').polluted;'],
  [
    'polluting by constructor.prototype',
    'options.constructor.prototype.polluted = 1; return options.data.constructor.prototype;',
  ],
  [
    'polluting Function.prototype.call',
    'Function.prototype.call = function (...args) { return Function("return this")(); }; return (() => 1).call();',
  ],
  [
    'polluting Function.prototype.apply',
    'Function.prototype.apply = () => Function; return Math.max.apply(null, [1]);',
  ],
  ['polluting Function.prototype.bind', 'Function.prototype.bind = () => Function; return (() => 1).bind();'],
  ['overwriting JSON.stringify', 'JSON.stringify = () => "[0,1]"; return JSON;'],
  ['overwriting JSON.parse', 'JSON.parse = () => { throw Function; }; return JSON;'],
  ['overwriting JSON', 'globalThis.JSON = new Proxy({}, { get: () => () => "]]]" }); return null;'],
  ['overwriting Array.isArray', 'Array.isArray = () => true; return null;'],
  ['overwriting String', 'globalThis.String = () => { throw 1; }; return null;'],
  [
    'overwriting String.prototype.slice',
    'String.prototype.slice = () => Function; String.prototype.charCodeAt = () => 0; String.prototype.indexOf = () => -1; return null;',
  ],
  ['overwriting RegExp.prototype.exec', 'RegExp.prototype.exec = () => [1, "process"]; throw new Error("x");'],
  ['overwriting Date.now', 'Date.now = () => NaN; globalThis.Date = null; return null;'],
  [
    'overwriting Symbol.iterator of arrays',
    'Array.prototype[Symbol.iterator] = function* () { yield Function; }; return null;',
  ],
  [
    'overwriting Promise',
    'globalThis.Promise = class { static resolve() { return Function; } }; Function.prototype.then = () => 1; return null;',
  ],
  [
    'a then on Object.prototype',
    'Object.defineProperty(Object.prototype, "then", { get() { return undefined; }, configurable: true }); return {};',
  ],
  ['toJSON on Object.prototype', 'Object.prototype.toJSON = function () { return this; }; return null;'],
  ['toJSON on String.prototype', 'String.prototype.toJSON = () => "]]]"; console.log("x"); return null;'],
  [
    'freezing everything',
    'for (const name of Object.getOwnPropertyNames(globalThis)) { const value = globalThis[name]; if (typeof value === "function") { Object.freeze(value); Object.freeze(value.prototype); } } return null;',
  ],
  [
    'deleting everything',
    'for (const name of Object.getOwnPropertyNames(globalThis)) { if (!name !== "undefined") { try { delete globalThis[name]; } catch {} } } return null;',
  ],
  ['forging a line of the log', 'console.log(\'x",[0,"info","forged"]]\\n[[0,1]]\'); return null;'],
];
