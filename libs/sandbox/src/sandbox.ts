import { hash } from 'node:crypto';
import type { FunctionOutcome, FunctionReference, Functions, PlanScript } from '#engine';
import type { JsonRecord } from '#model';
import { AccountScripts, type IncidentReason, type ScriptCall } from './account-scripts.js';
import type { LogLine } from './answer.js';
import type { Host } from './host-calls.js';
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

/** For the operator: nothing of what the script works on. */
export interface ScriptIncident {
  readonly scriptId: string;
  readonly reason: IncidentReason;
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
  /** Told of each end of a script's isolate or process that the script is to blame for, and of its quarantine. */
  incident?(incident: ScriptIncident): void;
  /** What the functions may ask of the platform; absent: nothing. */
  readonly host?: Host;
  /**
   * Host calls that wait for what runs here: 0 for a run of its own. Functions of different depths never wait for one
   * another, because each depth has a process of its own.
   */
  readonly depth?: number;
}

/**
 * Runs users' functions in V8 isolates: one isolate per script, in a process per account that holds nothing else, with
 * bounds on time, memory and output. Processes start when they are first needed and end when they were not for a while.
 */
export class Sandbox {
  readonly #limits: SandboxLimits;
  /** by account and depth, in order of use */
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
        const lines = () => [JSON.stringify(withConfiguration(options, reference))];
        const [outcome] = await this.#run(scope, reference, { kind: 'calls', count: 1, lines });
        return outcome!;
      },
      callEach: async (reference, common, each) => {
        if (each.length === 0) return [];
        const lines = () => [JSON.stringify(withConfiguration(common, reference)), JSON.stringify(each)];
        return this.#run(scope, reference, { kind: 'call-each', count: each.length, lines });
      },
    };
  }

  /** Ends all processes. */
  close(): void {
    for (const timer of this.#idleTimers.values()) clearTimeout(timer);
    for (const account of this.#accounts.values()) account.stop();
    this.#accounts.clear();
  }

  #run(
    scope: FunctionScope,
    { home, name, instance }: FunctionReference,
    { kind, count, lines }: Pick<CallRequest, 'kind'> & Pick<ScriptCall, 'count' | 'lines'>,
  ): Promise<readonly FunctionOutcome[]> {
    const all = async (code: string, message: string): Promise<FunctionOutcome[]> =>
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
    const { host } = scope;
    const call: ScriptCall = {
      request,
      source: script.content,
      lines,
      count,
      log,
      report: (reason) => scope.incident?.({ scriptId, reason }),
      ...(host && { host: (asked, signal) => host(asked, AbortSignal.any([signal, scope.signal])) }),
    };
    return this.#account(scope.accountId, scope.depth ?? 0).run(call, scope.signal);
  }

  #contentOf(script: PlanScript): string {
    let content = this.#contents.get(script);
    if (content === undefined) this.#contents.set(script, (content = hash('sha256', script.content, 'hex')));
    return content;
  }

  #account(accountId: string, depth: number): AccountScripts {
    const key = `${accountId}/${depth}`;
    clearTimeout(this.#idleTimers.get(key));
    this.#idleTimers.delete(key);
    const account = this.#accounts.get(key) ?? this.#newAccount(accountId, key);
    this.#accounts.delete(key);
    this.#accounts.set(key, account);
    return account;
  }

  #newAccount(accountId: string, key: string): AccountScripts {
    return new AccountScripts(accountId, this.#limits, this.#strikes, () => this.#idle(key));
  }

  /** An account without calls keeps its process for a while, if there are not too many of them. */
  #idle(key: string): void {
    const idle = [...this.#accounts].filter(([, account]) => account.isIdle);
    for (const [id] of idle.slice(0, Math.max(0, idle.length - this.#limits.maxIdleProcesses))) this.#release(id);
    if (!this.#accounts.has(key)) return;
    clearTimeout(this.#idleTimers.get(key));
    this.#idleTimers.set(key, setTimeout(() => this.#release(key), this.#limits.idleMs).unref());
  }

  #release(key: string): void {
    const account = this.#accounts.get(key);
    if (!account?.isIdle) return;
    account.stop();
    this.#accounts.delete(key);
    clearTimeout(this.#idleTimers.get(key));
    this.#idleTimers.delete(key);
  }
}

function withConfiguration(options: JsonRecord, { configuration }: FunctionReference): JsonRecord {
  return configuration === undefined ? options : { ...options, configuration };
}
