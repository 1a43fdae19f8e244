import type ivm from 'isolated-vm';
import { maxLogLineChars, pageOutputFactor, type SandboxLimits } from '../limits.js';
import type { InstanceKey } from '../protocol.js';
import { glueSource, type GlueSettings } from './glue.js';
import { type AskHost, HostGate } from './host-gate.js';
import { compileBundled, isModuleName } from './modules.js';
import { ScriptFailure } from './script-failure.js';

const timedOutPattern = /^Script execution timed out/;
const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$_]*$/u;
/** Members of the user's module that it does not know of. */
const accessor = '__millrace_function';

/** What the platform does with records may recurse into them; V8's JSON does not. */
const maxDepth = 500;
/** No further call begins after so long. */
const sliceMs = 100;
/** Room for V8 to heed a time-out. */
const graceMs = 2_000;
/** The glue itself needs far less. */
const ownMs = 5_000;

type Glue = Readonly<Record<'calls' | 'callEach' | 'go' | 'fail' | 'finish' | 'answer', ivm.Reference>>;

/** A script loaded into a context of its own: its variables live as long as this, and are seen by nobody else. */
export class ScriptInstance {
  private constructor(
    private readonly context: ivm.Context,
    private readonly glue: Glue,
    private readonly limits: SandboxLimits,
    private readonly stuck: () => void,
    private readonly gate: HostGate,
  ) {}

  /**
   * @param stuck told when V8 does not heed a time-out
   * @throws ScriptFailure when the script cannot be loaded, or has no such function
   */
  static async load(
    isolate: ivm.Isolate,
    key: InstanceKey,
    source: string,
    limits: SandboxLimits,
    stuck: () => void,
    ask: AskHost,
  ): Promise<ScriptInstance> {
    const module = await compileUserModule(isolate, key, source);
    const context = await isolate.createContext();
    const gate = new HostGate(ask);
    try {
      const settings = glueSettings(key, limits, module.dependencySpecifiers.includes('integrator-api'));
      const glue = await context.evalClosure(glueSource, [JSON.stringify(settings), gate.reference], {
        result: { reference: true },
      });
      await instantiate(isolate, context, module);
      await watched(evaluate(module, limits.callMs), limits.callMs, stuck);
      await bind(glue, module, key);
      return new ScriptInstance(context, await membersOf(glue), limits, stuck, gate);
    } catch (error) {
      context.release();
      throw error;
    }
  }

  /**
   * Calls the function once per text of options; as many calls as fit in a short time, at least one.
   *
   * @returns the glue's answer: logs, and the outcomes of the first calls
   */
  async calls(options: string[]): Promise<string> {
    const answer = await this.#cross(this.glue.calls, options, this.limits.callMs);
    return answer === '' ? this.#run(this.glue.answer, [], ownMs) : answer;
  }

  /** @returns the glue's answer: logs and the outcomes. A record that takes too long fails alone while time is left. */
  async callEach(common: string, each: string): Promise<string> {
    const { callMs, pageMs } = this.limits;
    const deadline = performance.now() + pageMs;
    let answer = await this.#cross(this.glue.callEach, [common, each], callMs);
    while (answer === '') {
      const left = Math.ceil(deadline - performance.now());
      if (left <= 0) return this.#run(this.glue.finish, this.#late, ownMs);
      answer = await this.#cross(this.glue.go, [], Math.min(callMs, left));
    }
    return answer;
  }

  release(): void {
    this.context.release();
  }

  get #late(): string[] {
    return ['script_timeout', timeOutText(this.limits.callMs)];
  }

  /** Lets the user's function run. @returns '' when calls are left */
  async #cross(member: ivm.Reference, values: string[], callMs: number): Promise<string> {
    this.gate.open(callMs);
    try {
      return await this.#run(member, values, callMs + sliceMs);
    } catch (error) {
      if (!isTimeOut(error)) throw error;
      return this.#run(this.glue.fail, this.#late, ownMs);
    }
  }

  async #run(member: ivm.Reference, values: string[], timeout: number): Promise<string> {
    const answer: unknown = await watched(member.apply(undefined, values, { timeout }), timeout, this.stuck);
    if (typeof answer !== 'string') throw new Error('The glue answered something else than text.');
    return answer;
  }
}

/** Some loops of V8 hear nothing of a time-out: whoever is told can only end the process. */
async function watched<T>(work: Promise<T>, timeout: number, stuck: () => void): Promise<T> {
  const timer = setTimeout(stuck, timeout + graceMs);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
  }
}

function glueSettings(key: InstanceKey, limits: SandboxLimits, lendsHost: boolean): GlueSettings {
  const { maxOutputBytes, callMs, maxHostCalls, maxLogLines, maxLogChars } = limits;
  return {
    maxOutputBytes,
    maxPageChars: maxOutputBytes * pageOutputFactor,
    sliceMs,
    maxDepth,
    maxHostCalls,
    lateMessage: timeOutText(callMs),
    lendsHost,
    maxLogLines,
    maxLogChars,
    maxLogLineChars,
    debugUntilMs: key.debugUntilMs,
  };
}

/** Functions need not be exported: a line of ours behind the script hands out the one that is named. */
async function compileUserModule(isolate: ivm.Isolate, key: InstanceKey, source: string): Promise<ivm.Module> {
  const { functionName } = key;
  if (!identifier.test(functionName)) throw missing(functionName);
  const access = `export const ${accessor} = typeof ${functionName} === 'undefined' ? undefined : ${functionName};`;
  try {
    return await isolate.compileModule(`${source}\n;${access}`, { filename: 'script' });
  } catch (error) {
    if (error instanceof SyntaxError && (await compiles(isolate, source))) throw missing(functionName);
    throw invalid(error);
  }
}

/** Whether a script is well-formed by itself: the fault is then the name, a reserved word. */
async function compiles(isolate: ivm.Isolate, source: string): Promise<boolean> {
  try {
    (await isolate.compileModule(source, { filename: 'script' })).release();
    return true;
  } catch {
    return false;
  }
}

async function instantiate(isolate: ivm.Isolate, context: ivm.Context, module: ivm.Module): Promise<void> {
  for (const name of module.dependencySpecifiers) {
    if (!isModuleName(name)) {
      throw new ScriptFailure(
        'script_invalid',
        `The script imports ${name}; only integrator-api, dayjs and sjcl can be imported.`,
      );
    }
  }
  const compiled = new Map<string, Promise<ivm.Module>>();
  try {
    await module.instantiate(context, (name) => {
      if (!isModuleName(name)) throw new Error(`There is no module ${name}.`);
      let dependency = compiled.get(name);
      if (!dependency) compiled.set(name, (dependency = compileBundled(isolate, name)));
      return dependency;
    });
  } catch (error) {
    throw invalid(error);
  }
}

async function evaluate(module: ivm.Module, timeout: number): Promise<void> {
  try {
    await module.evaluate({ timeout });
  } catch (error) {
    if (isTimeOut(error)) throw new ScriptFailure('script_timeout', `While loading: ${timeOutText(timeout)}`);
    throw new ScriptFailure('script_error', `While loading: ${textOf(error)}`);
  }
}

async function bind(glue: ivm.Reference, module: ivm.Module, key: InstanceKey): Promise<void> {
  let candidate: ivm.Reference;
  try {
    candidate = await referenceOf(module.namespace, accessor);
  } catch (error) {
    // Its line at the end was not reached.
    throw new ScriptFailure('script_error', `While loading: ${textOf(error)}`);
  }
  const binder = await referenceOf(glue, 'bind');
  const isFunction: unknown = await binder.apply(undefined, [candidate.derefInto()]);
  if (isFunction !== true) throw missing(key.functionName);
}

async function membersOf(glue: ivm.Reference): Promise<Glue> {
  const member = (name: keyof Glue) => referenceOf(glue, name);
  const [calls, callEach, go, fail, finish, answer] = await Promise.all([
    member('calls'),
    member('callEach'),
    member('go'),
    member('fail'),
    member('finish'),
    member('answer'),
  ]);
  return { calls, callEach, go, fail, finish, answer };
}

function referenceOf(holder: ivm.Reference, name: string): Promise<ivm.Reference> {
  return holder.get(name, { reference: true });
}

function missing(name: string): ScriptFailure {
  return new ScriptFailure('script_function_missing', `The script has no function ${name}.`);
}

function invalid(error: unknown): unknown {
  return error instanceof SyntaxError ? new ScriptFailure('script_invalid', textOf(error)) : error;
}

function isTimeOut(error: unknown): boolean {
  return error instanceof Error && timedOutPattern.test(error.message);
}

function timeOutText(ms: number): string {
  return `The script ran longer than ${ms / 1000} s.`;
}

function textOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
