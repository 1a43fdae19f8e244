import { signals } from '#contracts';
import { hashToken } from '#security';
import type { Bus } from '#bus';
import type { Accounts, TokenRow } from '#store';

/** A token and the accounts its user may select. */
export interface KnownToken {
  readonly token: TokenRow;
  readonly shares: readonly { readonly ashareId: string; readonly accountId: string }[];
}

interface Entry {
  readonly found: Promise<KnownToken | null>;
  readonly untilMs: number;
  tokenId: string | null;
}

const maxEntries = 10_000;

/**
 * Looks bearer tokens up by their hash and remembers them for a short while. A change of a token anywhere is signalled
 * and forgets it here at once; the time to live makes up for lost signals.
 */
export class TokenCache {
  readonly #accounts: Accounts;
  readonly #ttlMs: number;
  readonly #entries = new Map<string, Entry>();

  constructor(accounts: Accounts, ttlMs: number) {
    this.#accounts = accounts;
    this.#ttlMs = ttlMs;
  }

  /** @returns null for a token nobody has */
  find(token: string, nowMs: number): Promise<KnownToken | null> {
    const hash = hashToken(token);
    const known = this.#entries.get(hash);
    if (known && known.untilMs > nowMs) return known.found;
    const found = this.#lookUp(hash);
    const entry: Entry = { found, untilMs: nowMs + this.#ttlMs, tokenId: null };
    if (this.#entries.size >= maxEntries) this.#evict(nowMs);
    this.#entries.set(hash, entry);
    void this.#settle(hash, entry);
    return found;
  }

  /** Neither unknown tokens (a guesser would fill the cache) nor failed look-ups are remembered. */
  async #settle(hash: string, entry: Entry): Promise<void> {
    const result = await entry.found.catch(() => null);
    if (result) entry.tokenId = result.token._id;
    else if (this.#entries.get(hash) === entry) this.#entries.delete(hash);
  }

  forget(tokenId: string): void {
    for (const [hash, entry] of this.#entries) {
      // An entry still being looked up may have read the old row.
      if (entry.tokenId === tokenId || entry.tokenId === null) this.#entries.delete(hash);
    }
  }

  /** @returns the way to stop listening */
  listen(bus: Pick<Bus, 'onSignal'>): () => void {
    return bus.onSignal(signals.resourceChanged, (payload) => {
      const [, type, id] = payload.split(' ');
      if (type === 'accesstokens' && id !== undefined) this.forget(id);
    });
  }

  async #lookUp(hash: string): Promise<KnownToken | null> {
    const token = await this.#accounts.tokenByHash(hash);
    return token && { token, shares: await this.#accounts.sharesOf(token.userId) };
  }

  #evict(nowMs: number): void {
    for (const [hash, entry] of this.#entries) if (entry.untilMs <= nowMs) this.#entries.delete(hash);
    // Oldest first: a Map keeps the order of insertion.
    for (const hash of this.#entries.keys()) {
      if (this.#entries.size < maxEntries) break;
      this.#entries.delete(hash);
    }
  }
}
