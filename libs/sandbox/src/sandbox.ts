import { hash } from 'node:crypto';
import type { FunctionOutcome, FunctionReference, Functions, PlanScript } from '#engine';
import type { JsonRecord } from '#model';
import { AccountScripts, type ScriptCall } from './account-scripts.js';
import type { LogLine } from './answer.js';
import { sandboxLimits, type SandboxLimits } from './limits.js';
import type { CallRequest } from './protocol.js';
import { Strikes } from './strikes.js';

/** A line that a script wrote. Reference: resources §9. */
export interface ScriptLogLine extends LogLine {
  readonly scriptId: string;
  /** the hook, or the filter, transform …, that called the function */
  readonly functionType: string;
  /** id of the export or import */
  readonly resourceId: string;
}

/** Whose functions run, and for what. */
export interface FunctionScope {
  readonly accountId: string;
  readonly runId: string;
  readonly scripts: Readonly<Record<string, PlanScript>>;
  /** aborted by cancel (decision 6) */
  readonly signal: AbortSignal;
  /** Told what a script wrote, after each call that wrote something. */
  log(lines: readonly ScriptLogLine[]): void;
}

/**
 * Runs users' functions in V8 isolates: one isolate per script, in a process per account that holds nothing else, with
 * bounds on time, memory and output. Processes start when they are first needed and end when they were not for a while.
 */
export class Sandbox {
  readonly #limits: SandboxLimits;
  /** in order of use */
  readonly #accounts = new Map<string, AccountScripts>();
  readonly #idleTimers = new Map<string, NodeJS.Timeout>();
  readonly #contents = new WeakMap<PlanScript, string>();
  readonly #strikes: Strikes;

  constructor(limits: Partial<SandboxLimits> = {}) {
    this.#limits = sandboxLimits(limits);
    this.#strikes = new Strikes(this.#limits.quarantineMs);
  }

  functionsOf(scope: FunctionScope): Functions {
    return {
      call: async (reference, options) => {
        const body = () => JSON.stringify(withConfiguration(options, reference));
        const [outcome] = await this.#run(scope, reference, { kind: 'calls', count: 1, body });
        return outcome!;
      },
      callEach: async (reference, common, each) => {
        if (each.length === 0) return [];
        const body = () => `${JSON.stringify(withConfiguration(common, reference))}\n${JSON.stringify(each)}`;
        return this.#run(scope, reference, { kind: 'call-each', count: each.length, body });
      },
    };
  }

  /** Ends all processes. */
  close(): void {
    for (const timer of this.#idleTimers.values()) clearTimeout(timer);
    for (const account of this.#accounts.values()) account.stop();
    this.#accounts.clear();
  }

  async #run(
    scope: FunctionScope,
    { home, name, instance }: FunctionReference,
    { kind, count, body }: Pick<CallRequest, 'kind'> & Pick<ScriptCall, 'count' | 'body'>,
  ): Promise<readonly FunctionOutcome[]> {
    const all = (code: string, message: string): FunctionOutcome[] =>
      Array.from({ length: count }, () => ({ failure: { code, message } }));
    if (!('scriptId' in home)) {
      return all('not_supported', `The function ${name} lives in a stack; stacks are not supported.`);
    }
    const { scriptId } = home;
    const script = Object.hasOwn(scope.scripts, scriptId) ? scope.scripts[scriptId] : undefined;
    if (!script) return all('script_missing', `The script ${scriptId} does not exist.`);
    const request = {
      kind,
      scriptId,
      content: this.#contentOf(script),
      instance: `${scope.runId}/${instance}`,
      functionName: name,
      debugUntilMs: script.debugUntil === undefined ? 0 : Date.parse(script.debugUntil),
    };
    const [resourceId = '', functionType = ''] = instance.split('/');
    const log = (lines: readonly LogLine[]): void =>
      scope.log(lines.map((line) => ({ ...line, scriptId, functionType, resourceId })));
    const call: ScriptCall = { request, source: script.content, body, count, log };
    return this.#account(scope.accountId).run(call, scope.signal);
  }

  #contentOf(script: PlanScript): string {
    let content = this.#contents.get(script);
    if (content === undefined) this.#contents.set(script, (content = hash('sha256', script.content, 'hex')));
    return content;
  }

  #account(accountId: string): AccountScripts {
    clearTimeout(this.#idleTimers.get(accountId));
    this.#idleTimers.delete(accountId);
    const account = this.#accounts.get(accountId) ?? this.#newAccount(accountId);
    this.#accounts.delete(accountId);
    this.#accounts.set(accountId, account);
    return account;
  }

  #newAccount(accountId: string): AccountScripts {
    return new AccountScripts(accountId, this.#limits, this.#strikes, () => this.#idle(accountId));
  }

  /** An account without calls keeps its process for a while, if there are not too many of them. */
  #idle(accountId: string): void {
    const idle = [...this.#accounts].filter(([, account]) => account.isIdle);
    for (const [id] of idle.slice(0, Math.max(0, idle.length - this.#limits.maxIdleProcesses))) this.#release(id);
    if (!this.#accounts.has(accountId)) return;
    clearTimeout(this.#idleTimers.get(accountId));
    this.#idleTimers.set(accountId, setTimeout(() => this.#release(accountId), this.#limits.idleMs).unref());
  }

  #release(accountId: string): void {
    const account = this.#accounts.get(accountId);
    if (!account?.isIdle) return;
    account.stop();
    this.#accounts.delete(accountId);
    clearTimeout(this.#idleTimers.get(accountId));
    this.#idleTimers.delete(accountId);
  }
}

function withConfiguration(options: JsonRecord, { configuration }: FunctionReference): JsonRecord {
  return configuration === undefined ? options : { ...options, configuration };
}
