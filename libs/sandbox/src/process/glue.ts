/**
 * JavaScript that runs inside every context before the user's script and is the only thing the process calls there. It
 * keeps its own references to what it needs, so that a script that overwrites built-ins fools itself only, and text is
 * all that it hands out. `$0` is a {@link GlueSettings}, `$1` a reference to `(name, values) => Promise<outcome>`, all texts.
 *
 * Answers are lines: the logs as `[[ms, level, text],…]`, then `[<outcome>]` per single call, or `[<outcome>,…]` for the
 * records of a page; an outcome is `[0,<json>]`, `[1]` for undefined, `[2,{"code","message"}]`. An empty text says that
 * there are calls left.
 */
export interface GlueSettings {
  readonly maxOutputBytes: number;
  /** characters of all outcomes for the records of a page */
  readonly maxPageChars: number;
  /** milliseconds after which no further call begins in one crossing, so that a time-out is the last one's own */
  readonly sliceMs: number;
  /** levels of arrays and objects in a result */
  readonly maxDepth: number;
  /** of one call of the function */
  readonly maxHostCalls: number;
  /** says that a function's time is up */
  readonly lateMessage: string;
  /** whether the script imports `integrator-api`, which takes {@link hostCallName} from the global object */
  readonly lendsHost: boolean;
  readonly maxLogLines: number;
  readonly maxLogChars: number;
  readonly maxLogLineChars: number;
  /** epoch ms until which `console.debug` is kept */
  readonly debugUntilMs: number;
}

/** Where the glue leaves the function `(name, values)` for the module `integrator-api`, which is loaded before the script. */
export const hostCallName = '__millrace_host_call';

export const glueSource = `
'use strict';
const limits = JSON.parse($0);
const host = $1;
const PlainError = Error;
const { parse, stringify } = JSON;
const { isArray } = Array;
const { now } = Date;
const asText = String;
const uncurry = Function.prototype.bind.bind(Function.prototype.call);
const slice = uncurry(String.prototype.slice);
const charCodeAt = uncurry(String.prototype.charCodeAt);
const indexOf = uncurry(String.prototype.indexOf);
const exec = uncurry(RegExp.prototype.exec);
const framePattern = /\\bscript:(\\d+):\\d+/;

// Memory outside of V8's heap limit, and a way to stop a thread for good.
delete globalThis.WebAssembly;
delete globalThis.SharedArrayBuffer;
delete globalThis.Atomics;

let fn;
let logs = '';
let lines = 0;
let chars = 0;
let dropped = 0;
let hostCalls = 0;
let isLate = false;

function write(level, text) {
  logs += (logs === '' ? '[' : ',[') + now() + ',"' + level + '",' + stringify(text) + ']';
}

function format(value) {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return asText(value);
  if (typeof value.stack === 'string' && typeof value.message === 'string') return value.stack;
  return asText(stringify(value));
}

function logger(level) {
  return (...values) => {
    if (level === 'debug' && now() >= limits.debugUntilMs) return;
    if (lines >= limits.maxLogLines || chars >= limits.maxLogChars) {
      dropped += 1;
      return;
    }
    let text = '';
    for (let i = 0; i < values.length; i += 1) {
      let part;
      try {
        part = format(values[i]);
      } catch {
        part = '[unprintable]';
      }
      text += i === 0 ? part : ' ' + part;
      if (text.length > limits.maxLogLineChars) break;
    }
    text = slice(text, 0, limits.maxLogLineChars);
    lines += 1;
    chars += text.length;
    write(level, text);
  };
}

globalThis.console = {
  log: logger('info'),
  info: logger('info'),
  warn: logger('warn'),
  error: logger('error'),
  debug: logger('debug'),
};

function takeLogs() {
  if (dropped > 0) write('warn', dropped + ' further lines of this call were dropped.');
  const taken = '[' + logs + ']\\n';
  logs = '';
  lines = 0;
  chars = 0;
  dropped = 0;
  return taken;
}

function failure(code, message) {
  return '[2,{"code":' + stringify(slice(code, 0, 200)) + ',"message":' + stringify(slice(message, 0, 4000)) + '}]';
}

function lineOf(stack) {
  if (typeof stack !== 'string') return '';
  const found = exec(framePattern, slice(stack, 0, 10000));
  return found === null ? '' : ' (line ' + found[1] + ')';
}

/** An exception is whatever was thrown, getters included. */
function thrown(error) {
  try {
    if (typeof error !== 'object' || error === null) return failure('script_error', 'The script threw ' + asText(error) + '.');
    const { name, message, code, stack } = error;
    const text = typeof message === 'string' && message !== '' ? message : format(error);
    if (typeof code === 'string' && code !== '') return failure(code, text);
    if (typeof code === 'number') return failure(asText(code), text);
    const prefix = typeof name === 'string' && name !== '' && name !== 'Error' ? name + ': ' : '';
    return failure('script_error', prefix + text + lineOf(stack));
  } catch {
    return failure('script_error', 'The script threw something that cannot be read.');
  }
}

function isPromise(value) {
  return typeof value === 'object' && value !== null && typeof value.then === 'function';
}

function holdsPromise(value) {
  if (isPromise(value)) return true;
  if (!isArray(value)) return false;
  for (let i = 0; i < value.length; i += 1) if (isPromise(value[i])) return true;
  return false;
}

/** Characters bound the bytes of UTF-8 from below and, times three, from above. */
function isTooLarge(json) {
  if (json.length > limits.maxOutputBytes) return true;
  if (json.length * 3 <= limits.maxOutputBytes) return false;
  let bytes = json.length;
  for (let i = 0; i < json.length; i += 1) {
    const code = charCodeAt(json, i);
    // Half of a surrogate pair is half of four bytes.
    if (code >= 0x80) bytes += code >= 0x800 && (code < 0xd800 || code > 0xdfff) ? 2 : 1;
  }
  return bytes > limits.maxOutputBytes;
}

/** @returns how often it occurs; one more than the limit of levels when it is more often than that */
function occurrences(json, bracket) {
  let found = 0;
  for (let at = indexOf(json, bracket); at !== -1 && found <= limits.maxDepth; at = indexOf(json, bracket, at + 1)) found += 1;
  return found;
}

function isTooDeep(json) {
  // Each level has a bracket: where there are few, texts need not be told from structure.
  if (occurrences(json, '{') + occurrences(json, '[') <= limits.maxDepth) return false;
  let depth = 0;
  for (let at = 0; at < json.length; at += 1) {
    const code = charCodeAt(json, at);
    if (code === 0x22) at = endOfString(json, at);
    else if (code === 0x5b || code === 0x7b) {
      depth += 1;
      if (depth > limits.maxDepth) return true;
    } else if (code === 0x5d || code === 0x7d) depth -= 1;
  }
  return false;
}

/** @param at index of a quote. @returns that of the one that closes it */
function endOfString(json, at) {
  let end = at;
  for (;;) {
    end = indexOf(json, '"', end + 1);
    let before = end - 1;
    while (charCodeAt(json, before) === 0x5c) before -= 1;
    if ((end - before) % 2 === 1) return end;
  }
}

function refusal(code, message) {
  const error = new PlainError(message);
  error.code = code;
  return error;
}

/** Asks the platform, and waits for it. Nothing but text crosses. */
function hostCall(name, values) {
  if (isLate) throw refusal('script_timeout', limits.lateMessage);
  if (hostCalls >= limits.maxHostCalls) {
    throw refusal('host_calls_exceeded', 'One call of a function may call the platform ' + limits.maxHostCalls + ' times.');
  }
  hostCalls += 1;
  const json = stringify(values);
  if (isTooLarge(json)) {
    throw refusal('request_size_exceeded', name + ' was given more than ' + limits.maxOutputBytes + ' bytes of JSON.');
  }
  if (isTooDeep(json)) throw refusal('invalid_argument', name + ' was given more than ' + limits.maxDepth + ' levels.');
  const answer = parse(host.applySyncPromise(undefined, [name, json]));
  if (answer[0] === 3) {
    // V8 ends what goes on.
    isLate = true;
    throw refusal('script_timeout', limits.lateMessage);
  }
  if (answer[0] === 2) throw refusal(answer[1].code, answer[1].message);
  return answer[1];
}

if (limits.lendsHost) globalThis.${hostCallName} = hostCall;

function outcome(options) {
  let value;
  hostCalls = 0;
  isLate = false;
  try {
    value = fn(options);
  } catch (error) {
    return thrown(error);
  }
  try {
    if (value === undefined) return '[1]';
    if (holdsPromise(value)) {
      return failure('invalid_extension_response', 'The function returned a promise. Functions of scripts are synchronous: return the value itself.');
    }
    const json = stringify(value);
    if (json === undefined) {
      return failure('invalid_extension_response', 'The function returned a ' + typeof value + ', which is not JSON.');
    }
    if (isTooLarge(json)) {
      return failure('response_size_exceeded', 'The function returned more than ' + limits.maxOutputBytes + ' bytes of JSON.');
    }
    if (isTooDeep(json)) {
      return failure('invalid_extension_response', 'The return value is nested deeper than ' + limits.maxDepth + ' levels.');
    }
    return '[0,' + json + ']';
  } catch (error) {
    if (isLate) return failure('script_timeout', limits.lateMessage);
    let why = '';
    // What was thrown is the script's own, its getters too: without a reason the failure is the same.
    try {
      why = ': ' + asText(error.message);
    } catch {}
    return failure('invalid_extension_response', 'The return value is not plain JSON' + why);
  }
}

/** Options of single calls, as JSON; of the records of a page, the common ones and each record's own. */
let single = [];
let common = null;
let each = [];
let count = 0;
let done = 0;
let outcomes = '';

function optionsOf(at) {
  return common === null ? parse(single[at]) : { ...parse(common), ...each[at] };
}

function settle(text) {
  if (done > 0) outcomes += common === null ? ']\\n[' : ',';
  outcomes += text;
  done += 1;
}

function begin(calls) {
  count = calls;
  done = 0;
  outcomes = '';
  return go();
}

function answer() {
  return takeLogs() + '[' + outcomes + ']';
}

function go() {
  const start = now();
  while (done < count) {
    const isFull = outcomes.length > limits.maxPageChars;
    if (isFull && common === null) break;
    if (isFull) settle(failure('response_size_exceeded', 'The function returned too much for the records of one page.'));
    else settle(outcome(optionsOf(done)));
    if (now() - start >= limits.sliceMs) break;
  }
  return done === count ? answer() : '';
}

return {
  bind(candidate) {
    fn = candidate;
    return typeof candidate === 'function';
  },
  calls(...options) {
    single = options;
    common = null;
    return begin(options.length);
  },
  callEach(commonOptions, eachOptions) {
    common = commonOptions;
    each = parse(eachOptions);
    return begin(each.length);
  },
  go,
  /** The call that was running fails. */
  fail(code, message) {
    if (done < count) settle(failure(code, message));
    return done === count ? answer() : '';
  },
  /** All calls left share the failure. */
  finish(code, message) {
    const text = failure(code, message);
    while (done < count) settle(text);
    return answer();
  },
  /** What there is, although calls are left. */
  answer,
};
`;
