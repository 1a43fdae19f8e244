import type ivm from 'isolated-vm';
import { maxLogLineChars, pageOutputFactor, type SandboxLimits } from '../limits.js';
import type { InstanceKey } from '../protocol.js';
import { glueSource, type GlueSettings } from './glue.js';
import { compileBundled, isModuleName } from './modules.js';
import { ScriptFailure } from './script-failure.js';

const timedOutPattern = /^Script execution timed out/;
const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$_]*$/u;
/** Members of the user's module that it does not know of. */
const accessor = '__millrace_function';

type Glue = Readonly<Record<'invoke' | 'invokeEach' | 'resumeEach' | 'endEach' | 'takeLogs', ivm.Reference>>;

/** A script loaded into a context of its own: its variables live as long as this, and are seen by nobody else. */
export class ScriptInstance {
  private constructor(
    private readonly context: ivm.Context,
    private readonly glue: Glue,
    private readonly limits: SandboxLimits,
  ) {}

  /** @throws ScriptFailure when the script cannot be loaded, or has no such function */
  static async load(
    isolate: ivm.Isolate,
    key: InstanceKey,
    source: string,
    limits: SandboxLimits,
  ): Promise<ScriptInstance> {
    const context = await isolate.createContext();
    try {
      const glue = await context.evalClosure(glueSource, [JSON.stringify(glueSettings(key, limits))], {
        result: { reference: true },
      });
      const module = await compileUserModule(isolate, key, source);
      await instantiate(isolate, context, module);
      await evaluate(module, limits.callMs);
      await bind(glue, module, key);
      return new ScriptInstance(context, await membersOf(glue), limits);
    } catch (error) {
      context.release();
      throw error;
    }
  }

  /** @returns the glue's answer: logs and the outcome */
  async call(options: string): Promise<string> {
    try {
      return await this.#run(this.glue.invoke, [options], this.limits.callMs);
    } catch (error) {
      if (!isTimeOut(error)) throw error;
      const failure = { code: 'script_timeout', message: timeOutText(this.limits.callMs) };
      return `${await this.#run(this.glue.takeLogs, [], 1_000)}[2,${JSON.stringify(failure)}]`;
    }
  }

  /** @returns the glue's answer: logs and the outcomes. A record that takes too long fails alone while time is left. */
  async callEach(common: string, each: string): Promise<string> {
    const { callMs, pageMs } = this.limits;
    const deadline = performance.now() + pageMs;
    const late = ['script_timeout', timeOutText(callMs)];
    let step = { member: this.glue.invokeEach, values: [common, each] };
    for (;;) {
      const left = deadline - performance.now();
      if (left < 1) return this.#run(this.glue.endEach, late, 5_000);
      try {
        return await this.#run(step.member, step.values, Math.ceil(Math.min(callMs, left)));
      } catch (error) {
        if (!isTimeOut(error)) throw error;
        step = { member: this.glue.resumeEach, values: late };
      }
    }
  }

  release(): void {
    this.context.release();
  }

  async #run(member: ivm.Reference, values: string[], timeout: number): Promise<string> {
    const answer: unknown = await member.apply(undefined, values, { timeout });
    if (typeof answer !== 'string') throw new Error('The glue answered something else than text.');
    return answer;
  }
}

function glueSettings(key: InstanceKey, limits: SandboxLimits): GlueSettings {
  const { maxOutputBytes, maxLogLines, maxLogChars } = limits;
  return {
    maxOutputChars: maxOutputBytes,
    maxPageChars: maxOutputBytes * pageOutputFactor,
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
  const [invoke, invokeEach, resumeEach, endEach, takeLogs] = await Promise.all([
    member('invoke'),
    member('invokeEach'),
    member('resumeEach'),
    member('endEach'),
    member('takeLogs'),
  ]);
  return { invoke, invokeEach, resumeEach, endEach, takeLogs };
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
