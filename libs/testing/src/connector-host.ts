import type {
  Clock,
  ConnectionLimits,
  ConnectorHost,
  OAuthToken,
  OutboundCall,
  Permit,
  StepContext,
  TokenStore,
} from '#connectors';
import type { Connection } from '#model';

/** A clock whose sleeps are over at once; it remembers them, and its time moves by them. */
export class InstantClock implements Clock {
  readonly sleeps: number[] = [];
  #nowMs: number;

  constructor(startMs = Date.parse('2026-01-01T00:00:00.000Z')) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.sleeps.push(ms);
    this.#nowMs += ms;
  }

  jump(ms: number): void {
    this.#nowMs += ms;
  }
}

/** Limits that count: how many permits are out, and what they were told. */
export class CountingLimits implements ConnectionLimits {
  readonly throttles: { readonly connectionId: string; readonly pauseMs: number }[] = [];
  successes = 0;
  held = 0;
  peak = 0;

  async acquire(_connectionId: string, signal: AbortSignal): Promise<Permit> {
    signal.throwIfAborted();
    this.held += 1;
    this.peak = Math.max(this.peak, this.held);
    return { release: () => void (this.held -= 1) };
  }

  throttled(connectionId: string, pauseMs: number): void {
    this.throttles.push({ connectionId, pauseMs });
  }

  succeeded(): void {
    this.successes += 1;
  }
}

/** Tokens in memory, refreshed one at a time. */
export class MemoryTokens implements TokenStore {
  readonly #tokens = new Map<string, OAuthToken>();
  #last: Promise<unknown> = Promise.resolve();
  refreshes = 0;

  current(
    connectionId: string,
    staleVersion: number | null,
    refresh: (previous: OAuthToken | null) => Promise<Omit<OAuthToken, 'version'>>,
  ): Promise<OAuthToken> {
    const turn = this.#last.then(async () => {
      const known = this.#tokens.get(connectionId) ?? null;
      if (known !== null && known.version !== staleVersion) return known;
      const token = { ...(await refresh(known)), version: (known?.version ?? 0) + 1 };
      this.refreshes += 1;
      this.#tokens.set(connectionId, token);
      return token;
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

export interface TestHost extends ConnectorHost {
  readonly clock: InstantClock;
  readonly limits: CountingLimits;
  readonly tokens: MemoryTokens;
  readonly calls: OutboundCall[];
}

/** A connector's host for tests: loopback allowed, nothing waits, everything is remembered. */
export function createTestHost(overrides: Partial<ConnectorHost> = {}): TestHost {
  const calls: OutboundCall[] = [];
  const host: TestHost = {
    limits: new CountingLimits(),
    tokens: new MemoryTokens(),
    openSecrets: async (connection) => connection,
    egressAllow: ['127.0.0.0/8', '::1/128'],
    clock: new InstantClock(),
    random: () => 0.5,
    observe: (call) => void calls.push(call),
    calls,
  };
  return Object.assign(host, overrides);
}

/** The context of a step in a run called `run1`. */
export function createStepContext(
  connection: Connection & { readonly _id: string },
  overrides: Partial<StepContext> = {},
): StepContext {
  return {
    stepId: 'step1',
    connection,
    run: {
      runId: 'run1',
      accountId: 'account1',
      flowId: 'flow1',
      job: { _id: 'run1', type: 'flow', startedAt: '2026-01-01T00:00:00.000Z' },
      testMode: false,
      lastExportDateTime: null,
      currentExportDateTime: '2026-01-01T00:00:00.000Z',
      nowMs: () => Date.parse('2026-01-01T00:00:00.000Z'),
    },
    settings: {},
    signal: new AbortController().signal,
    ...overrides,
  };
}
