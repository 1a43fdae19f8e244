import type { RunContext } from '#engine';
import { Lru } from './lru.js';
import type { RunSpec } from './protocol.js';

/** A run as a worker knows it. */
export class LoadedRun {
  readonly #abort = new AbortController();
  readonly #contexts = new Map<string, RunContext>();

  constructor(
    readonly spec: RunSpec,
    private readonly nowMs: () => number,
  ) {}

  /** Aborted by cancel (decision 6). */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get isCanceled(): boolean {
    return this.#abort.signal.aborted;
  }

  cancel(): void {
    this.#abort.abort();
  }

  /** The context of one generator's pages; its delta window is the generator's own. */
  contextOf(exportId: string, lastExportDateTime?: string | null): RunContext {
    let context = this.#contexts.get(exportId);
    if (!context || (lastExportDateTime !== undefined && context.lastExportDateTime !== lastExportDateTime)) {
      const { spec } = this;
      context = {
        runId: spec.runId,
        accountId: spec.accountId,
        flowId: spec.flowId,
        job: spec.job,
        testMode: spec.testMode,
        lastExportDateTime:
          lastExportDateTime === undefined ? (spec.lastExportDateTime[exportId] ?? null) : lastExportDateTime,
        currentExportDateTime: spec.currentExportDateTime,
        nowMs: this.nowMs,
      };
      this.#contexts.set(exportId, context);
    }
    return context;
  }
}

const maxRuns = 2_000;

export class LoadedRuns {
  readonly #runs = new Lru<string, LoadedRun>(maxRuns);

  constructor(private readonly nowMs: () => number) {}

  get(runId: string): LoadedRun | undefined {
    return this.#runs.get(runId);
  }

  introduce(spec: RunSpec): LoadedRun {
    const known = this.#runs.get(spec.runId);
    if (known) return known;
    const run = new LoadedRun(spec, this.nowMs);
    this.#runs.set(spec.runId, run);
    return run;
  }

  cancel(runId: string): void {
    this.#runs.get(runId)?.cancel();
  }
}
