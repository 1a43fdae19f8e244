import type { ExecutorSettings } from '../settings.js';
import type { EncodedBundle } from '../workers/protocol.js';

interface Flow {
  /** bundles published in all, and outstanding when last asked */
  published: number;
  outstanding: number;
  atMs: number;
  /** bundles finished per second, by the whole cluster; null until known */
  drainPerSecond: number | null;
  /** of a bundle, on average */
  bundleBytes: number;
  bundlePages: number;
}

type Published = Pick<EncodedBundle, 'plainBytes'> & { readonly header: Pick<EncodedBundle['header'], 'pages'> };

/** A run's pages should be worth about this much work: enough to hide a slice, not so much that it crowds out others. */
const targetSeconds = 2;
const firstWindow = 16;
const minWindow = 4;
const maxRuns = 5_000;

/**
 * How many page bundles a run may have outstanding (P5): at most the configured window and bytes; within that, some
 * seconds' worth of what the cluster finishes, and enough to keep the flow's tightest connection busy. The drain rate is
 * taken from what the broker says is outstanding, so it is the whole cluster's.
 */
export class RunWindows {
  readonly #settings: Pick<ExecutorSettings, 'window' | 'windowBytes'>;
  readonly #flows = new Map<string, Flow>();

  constructor(settings: Pick<ExecutorSettings, 'window' | 'windowBytes'>) {
    this.#settings = settings;
  }

  /** @returns bundles that may be published now; zero or less: wait */
  room(runId: string, outstanding: number, tightestLimit: number, nowMs: number): number {
    const flow = this.#flowOf(runId, nowMs);
    const elapsedMs = nowMs - flow.atMs;
    if (elapsedMs >= 100) {
      const drained = Math.max(0, flow.outstanding + flow.published - outstanding);
      const rate = (drained * 1000) / elapsedMs;
      flow.drainPerSecond = flow.drainPerSecond === null ? rate : flow.drainPerSecond * 0.5 + rate * 0.5;
      flow.published = 0;
      flow.outstanding = outstanding;
      flow.atMs = nowMs;
    }
    return this.#window(flow, tightestLimit) - outstanding;
  }

  published(runId: string, bundles: readonly Published[], nowMs: number): void {
    if (bundles.length === 0) return;
    const flow = this.#flowOf(runId, nowMs);
    flow.published += bundles.length;
    const bytes = bundles.reduce((sum, { plainBytes }) => sum + plainBytes, 0) / bundles.length;
    const pages = bundles.reduce((sum, { header }) => sum + header.pages.length, 0) / bundles.length;
    flow.bundleBytes = flow.bundleBytes === 0 ? bytes : flow.bundleBytes * 0.75 + bytes * 0.25;
    flow.bundlePages = flow.bundlePages === 0 ? pages : flow.bundlePages * 0.75 + pages * 0.25;
  }

  ended(runId: string): void {
    this.#flows.delete(runId);
  }

  #window(flow: Flow, tightestLimit: number): number {
    const byBytes = flow.bundleBytes === 0 ? Infinity : Math.floor(this.#settings.windowBytes / flow.bundleBytes);
    // Twice what the connection takes at a time: one request's records wait while another's are sent.
    const toKeepBusy = flow.bundlePages === 0 ? minWindow : Math.ceil((2 * tightestLimit) / flow.bundlePages) + 1;
    const byRate = flow.drainPerSecond === null ? firstWindow : Math.ceil(flow.drainPerSecond * targetSeconds);
    return Math.max(1, Math.min(this.#settings.window, byBytes, Math.max(minWindow, toKeepBusy, byRate)));
  }

  #flowOf(runId: string, nowMs: number): Flow {
    let flow = this.#flows.get(runId);
    if (!flow) {
      flow = { published: 0, outstanding: 0, atMs: nowMs, drainPerSecond: null, bundleBytes: 0, bundlePages: 0 };
      this.#flows.set(runId, flow);
      if (this.#flows.size > maxRuns) {
        const [oldest] = this.#flows.keys() as Iterable<string>;
        if (oldest !== undefined) this.#flows.delete(oldest);
      }
    }
    return flow;
  }
}
