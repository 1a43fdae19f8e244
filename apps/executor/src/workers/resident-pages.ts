import { randomUUID } from 'node:crypto';
import type { PageHeader } from '#contracts';
import type { HeldPage } from '../pages/held-page.js';
import { BodyPacker, type PackedPages } from './packed-pages.js';

export type { HeldPage, ParsedPage } from '../pages/held-page.js';

interface Entry {
  readonly runId: string;
  readonly tag: string;
  /** order of arrival */
  readonly nth: number;
  readonly pages: PackedPages;
  readonly bytes: number;
  readonly storedAtMs: number;
}

/** Pages that nobody asked for in so long went to another executor. */
const maxAgeMs = 60_000;
/** A run's messages are leased in the order in which they were written, give or take this many under way at once. */
const orderSlack = 16;

/**
 * Pages of messages that this worker wrote, parsed or built, so that their body need not be fetched, inflated and parsed
 * again.
 * Bounded in bytes: when it is full new pages are not taken in, because the oldest ones are asked for first.
 */
export class ResidentPages {
  readonly #name = randomUUID().slice(0, 8);
  readonly #entries = new Map<string, Entry>();
  readonly #packer = new BodyPacker();
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
  keep(messageId: string, pages: readonly HeldPage[], bytes: number): string | null {
    this.forget(messageId);
    if (this.#bytes + bytes > this.maxBytes) this.#dropOld();
    if (this.#bytes + bytes > this.maxBytes) return null;
    const runId = messageId.slice(0, messageId.indexOf('/'));
    const nth = this.#arrived++;
    const tag = `${this.#name}.${nth.toString(36)}`;
    const packed = this.#packer.pack(pages) ?? { unpack: () => pages, release: () => undefined };
    this.#entries.set(messageId, { runId, tag, nth, pages: packed, bytes, storedAtMs: this.nowMs() });
    this.#bytes += bytes;
    return tag;
  }

  /**
   * The pages of a message, if they are the ones that were published under its id; they are handed over, not kept. A try
   * whose batch was refused made others.
   */
  take(messageId: string, header: PageHeader): readonly HeldPage[] | null {
    const entry = this.#entries.get(messageId);
    if (!entry) return null;
    this.#remove(messageId, entry);
    this.#dropPassed(entry);
    if (entry.tag === header.tag) return entry.pages.unpack();
    entry.pages.release();
    return null;
  }

  forget(messageId: string): void {
    const entry = this.#entries.get(messageId);
    if (!entry) return;
    this.#remove(messageId, entry);
    entry.pages.release();
  }

  #remove(messageId: string, { bytes }: Entry): void {
    this.#entries.delete(messageId);
    this.#bytes -= bytes;
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
