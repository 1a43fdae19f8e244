import { randomUUID } from 'node:crypto';
import type { PageHeader } from '#contracts';
import type { PageRecord } from '#engine';

/** A page as steps see it. */
export interface ParsedPage {
  readonly page: number;
  readonly records: readonly PageRecord[];
}

interface Entry {
  readonly runId: string;
  readonly tag: string;
  /** order of arrival */
  readonly nth: number;
  readonly pages: readonly ParsedPage[];
  readonly bytes: number;
  readonly storedAtMs: number;
}

/** Pages that nobody asked for in so long went to another executor. */
const maxAgeMs = 60_000;
/** A run's messages are leased in the order in which they were written, give or take this many under way at once. */
const orderSlack = 16;

/**
 * Parsed pages of messages that this worker wrote, so that their body need not be fetched, inflated and parsed again.
 * Bounded in bytes: when it is full new pages are not taken in, because the oldest ones are asked for first.
 */
export class ResidentPages {
  readonly #name = randomUUID().slice(0, 8);
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  #arrived = 0;

  constructor(
    private readonly maxBytes: number,
    private readonly nowMs: () => number,
  ) {}

  get bytes(): number {
    return this.#bytes;
  }

  /** @returns tag for the message's header, by which the pages are known; null when they are not kept */
  keep(messageId: string, pages: readonly ParsedPage[], bytes: number): string | null {
    this.forget(messageId);
    if (this.#bytes + bytes > this.maxBytes) this.#dropOld();
    if (this.#bytes + bytes > this.maxBytes) return null;
    const runId = messageId.slice(0, messageId.indexOf('/'));
    const nth = this.#arrived++;
    const tag = `${this.#name}.${nth.toString(36)}`;
    this.#entries.set(messageId, { runId, tag, nth, pages, bytes, storedAtMs: this.nowMs() });
    this.#bytes += bytes;
    return tag;
  }

  /**
   * The pages of a message, if they are the ones that were published under its id; they are handed over, not kept. A try
   * whose batch was refused made others.
   */
  take(messageId: string, header: PageHeader): readonly ParsedPage[] | null {
    const entry = this.#entries.get(messageId);
    if (!entry) return null;
    this.forget(messageId);
    this.#dropPassed(entry);
    return entry.tag === header.tag ? entry.pages : null;
  }

  forget(messageId: string): void {
    const entry = this.#entries.get(messageId);
    if (!entry) return;
    this.#entries.delete(messageId);
    this.#bytes -= entry.bytes;
  }

  /** What was written well before a page that is asked for now, and was not asked for, is with another executor. */
  #dropPassed({ runId, nth }: Entry): void {
    for (const [messageId, entry] of this.#entries) {
      if (entry.nth >= nth - orderSlack) return;
      if (entry.runId === runId) this.forget(messageId);
    }
  }

  #dropOld(): void {
    const before = this.nowMs() - maxAgeMs;
    for (const [messageId, entry] of this.#entries) {
      if (entry.storedAtMs > before) return;
      this.forget(messageId);
    }
  }
}
