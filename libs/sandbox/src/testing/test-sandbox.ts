import type { FunctionOutcome, FunctionReference } from '#engine';
import type { JsonRecord } from '#model';
import type { Host } from '../host-calls.js';
import type { SandboxLimits } from '../limits.js';
import { Sandbox, type ScriptIncident, type ScriptLogLine } from '../sandbox.js';

interface TestScript {
  readonly source: string;
  readonly debugUntil?: string;
  readonly accountId?: string;
  readonly scriptId?: string;
  readonly runId?: string;
  /** in a sandbox of its own */
  readonly limits?: Partial<SandboxLimits>;
  readonly host?: Host;
  readonly depth?: number;
}

/** One script of one run, called as the engine calls it. */
export class TestFunctions {
  readonly logs: ScriptLogLine[] = [];
  readonly incidents: ScriptIncident[] = [];
  readonly #abort = new AbortController();
  readonly #functions;

  constructor(
    sandbox: Sandbox,
    readonly scriptId: string,
    readonly runId: string,
    accountId: string,
    script: TestScript,
  ) {
    const { source: content, debugUntil, host, depth = 0 } = script;
    this.#functions = sandbox.functionsOf({
      accountId,
      runId,
      scripts: {
        [scriptId]: {
          content,
          postResponseHookToProcessOnChildRecord: false,
          ...(debugUntil === undefined ? {} : { debugUntil }),
        },
      },
      signal: this.#abort.signal,
      log: (lines) => void this.logs.push(...lines),
      incident: (incident) => void this.incidents.push(incident),
      depth,
      ...(host && { host }),
    });
  }

  call(name: string, options: JsonRecord = {}, reference: Partial<FunctionReference> = {}): Promise<FunctionOutcome> {
    return this.#functions.call({ ...this.#reference(name), ...reference }, options);
  }

  callEach(name: string, common: JsonRecord, each: readonly JsonRecord[]): Promise<readonly FunctionOutcome[]> {
    return this.#functions.callEach(this.#reference(name), common, each);
  }

  cancel(): void {
    this.#abort.abort();
  }

  #reference(name: string): FunctionReference {
    return { home: { scriptId: this.scriptId }, name, instance: 'step/preMap' };
  }
}

/** Sandboxes for tests; processes are the real ones, from what was built. */
export class TestSandbox {
  readonly #shared: Sandbox;
  readonly #own: Sandbox[] = [];
  #made = 0;

  constructor(private readonly limits: Partial<SandboxLimits>) {
    this.#shared = new Sandbox(limits);
  }

  functions(script: TestScript): TestFunctions {
    this.#made += 1;
    const sandbox = script.limits ? this.#newSandbox(script.limits) : this.#shared;
    const { scriptId = `script${this.#made}`, runId = `run${this.#made}`, accountId = 'account' } = script;
    return new TestFunctions(sandbox, scriptId, runId, accountId, script);
  }

  close(): void {
    this.#shared.close();
    for (const sandbox of this.#own) sandbox.close();
  }

  #newSandbox(limits: Partial<SandboxLimits>): Sandbox {
    const sandbox = new Sandbox({ ...this.limits, ...limits });
    this.#own.push(sandbox);
    return sandbox;
  }
}
