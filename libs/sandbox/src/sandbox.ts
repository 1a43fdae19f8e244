import { hash } from 'node:crypto';
import type { FunctionOutcome, FunctionReference, Functions, PlanScript } from '#engine';
import type { JsonRecord } from '#model';
import { AccountScripts, type ScriptFault } from './account-scripts.js';
import type { Answer } from './account-process.js';
import { isTooLarge, readAnswer, type LogLine } from './answer.js';
import { sandboxLimits, type SandboxLimits } from './limits.js';
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
        const [outcome] = await this.#run(scope, reference, null, body);
        return outcome!;
      },
      callEach: async (reference, common, each) => {
        if (each.length === 0) return [];
        const body = () => `${JSON.stringify(withConfiguration(common, reference))}\n${JSON.stringify(each)}`;
        return this.#run(scope, reference, each.length, body);
      },
    };
  }

  /** Ends all processes. */
  close(): void {
    for (const timer of this.#idleTimers.values()) clearTimeout(timer);
    for (const account of this.#accounts.values()) account.stop();
    this.#accounts.clear();
  }

  /** @param count calls of a page; null for a single call */
  async #run(
    scope: FunctionScope,
    reference: FunctionReference,
    count: number | null,
    body: () => string,
  ): Promise<readonly FunctionOutcome[]> {
    const all = (failure: FunctionOutcome) => Array.from({ length: count ?? 1 }, () => failure);
    const { home, name, instance } = reference;
    if (!('scriptId' in home)) {
      return all(failed('not_supported', `The function ${name} lives in a stack; stacks are not supported.`));
    }
    const script = Object.hasOwn(scope.scripts, home.scriptId) ? scope.scripts[home.scriptId] : undefined;
    if (!script) return all(failed('script_missing', `The script ${home.scriptId} does not exist.`));
    const request = {
      kind: count === null ? ('call' as const) : ('call-each' as const),
      scriptId: home.scriptId,
      content: this.#contentOf(script),
      instance: `${scope.runId}/${instance}`,
      functionName: name,
      debugUntilMs: script.debugUntil === undefined ? 0 : Date.parse(script.debugUntil),
    };
    const answer = await this.#account(scope.accountId).run({ request, source: script.content, body }, scope.signal);
    if (answer.head.kind === 'failed') return all(failed(answer.head.code, answer.head.message));
    const { body: text } = answer as Answer;
    if (count === null && isTooLarge(text, this.#limits)) {
      return all(
        failed(
          'response_size_exceeded',
          `The function ${name} returned more than ${this.#limits.maxOutputBytes} bytes.`,
        ),
      );
    }
    const { logs, outcomes } = readAnswer(text, count, this.#limits);
    const [resourceId = '', functionType = ''] = instance.split('/');
    if (logs.length > 0) {
      scope.log(logs.map((line) => ({ ...line, scriptId: home.scriptId, functionType, resourceId })));
    }
    return outcomes;
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

function failed(code: ScriptFault['head']['code'], message: string): FunctionOutcome {
  return { failure: { code, message } };
}
