import type { Cursor, Source, SourceChunk, StepContext } from '#connectors';
import type { Cutter } from './cutter.js';
import type { FileTrail } from './file-trail.js';

export type NextChunk =
  | { readonly kind: 'chunk'; readonly chunk: SourceChunk }
  | { readonly kind: 'end' }
  | { readonly kind: 'error'; readonly error: unknown };

/**
 * A source being read. It stays open between the slices of its generator, and fetches one response ahead while the
 * pages of the last one are cut and published.
 */
export class SourceSession {
  readonly #iterator: AsyncIterator<SourceChunk>;
  readonly #abort = new AbortController();
  readonly #runSignal: AbortSignal;
  readonly #canceled = (): void => this.#abort.abort(this.#runSignal.reason);
  #pending: Promise<NextChunk> | null = null;
  /** slice that may read on; another one must open the source anew from its cursor */
  nextSlice: number;
  cursor: Cursor | null;
  lastUsedMs = 0;

  constructor(
    source: Source,
    context: Omit<StepContext, 'signal'>,
    runSignal: AbortSignal,
    readonly cutter: Cutter,
    /** null: nobody looks */
    readonly files: FileTrail | null,
    start: { readonly slice: number; readonly cursor: Cursor | null },
  ) {
    this.#runSignal = runSignal;
    // `AbortSignal.any` costs as much as mapping a small page, and leaves what it made to the collector.
    if (runSignal.aborted) this.#canceled();
    else runSignal.addEventListener('abort', this.#canceled, { once: true });
    const { signal } = this.#abort;
    this.#iterator = source.read(start.cursor, { ...context, signal })[Symbol.asyncIterator]();
    this.nextSlice = start.slice;
    this.cursor = start.cursor;
  }

  /** The next response; asking again before it arrived gives the same promise. Never rejects. */
  next(): Promise<NextChunk> {
    this.#pending ??= this.#iterator.next().then(
      (result): NextChunk => (result.done === true ? { kind: 'end' } : { kind: 'chunk', chunk: result.value }),
      (error: unknown): NextChunk => ({ kind: 'error', error }),
    );
    return this.#pending;
  }

  /** The response that {@link next} gave was used. */
  consumed(): void {
    this.#pending = null;
  }

  async close(): Promise<void> {
    this.#runSignal.removeEventListener('abort', this.#canceled);
    // Between two responses nothing is on its way that an abort could end.
    if (this.#pending !== null) this.#abort.abort();
    try {
      await this.#iterator.return?.();
    } catch {
      // What the source says while it is torn down concerns no record: its chunks were used or will be read again.
    }
  }
}

const maxIdleMs = 30_000;

/** The open sources of a worker, by generator. */
export class SourceSessions {
  readonly #sessions = new Map<string, SourceSession>();
  #isSweeping = false;

  constructor(private readonly clock: { now(): number; sleep(ms: number): Promise<void> }) {}

  get size(): number {
    return this.#sessions.size;
  }

  /** The open session, if it stands where the slice begins; else it is closed and null. */
  take(key: string, slice: number): SourceSession | null {
    const session = this.#sessions.get(key);
    if (!session) return null;
    this.#sessions.delete(key);
    if (session.nextSlice === slice) return session;
    void session.close();
    return null;
  }

  keep(key: string, session: SourceSession): void {
    void this.#sessions.get(key)?.close();
    session.lastUsedMs = this.clock.now();
    this.#sessions.set(key, session);
    void this.#sweep();
  }

  async close(key: string): Promise<void> {
    const session = this.#sessions.get(key);
    this.#sessions.delete(key);
    await session?.close();
  }

  /** Closes sources whose next slice went to another executor. */
  async #sweep(): Promise<void> {
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    try {
      while (this.#sessions.size > 0) {
        await this.clock.sleep(maxIdleMs / 3);
        const before = this.clock.now() - maxIdleMs;
        for (const [key, session] of this.#sessions) if (session.lastUsedMs <= before) void this.close(key);
      }
    } finally {
      this.#isSweeping = false;
    }
  }
}
