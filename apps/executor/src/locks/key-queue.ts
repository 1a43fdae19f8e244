/** Keys that somebody wants all of at once. */
export interface KeyClaim {
  readonly keys: readonly string[];
  readonly granted: () => void;
}

/**
 * Locks by key: a claim gets all of its keys at once, or waits. First come, first served for each key, and because nobody
 * holds some keys while waiting for others, nobody waits in a circle.
 */
export class KeyQueue {
  readonly #held = new Set<string>();
  readonly #granted = new Set<KeyClaim>();
  readonly #waiting = new Set<KeyClaim>();

  get granted(): number {
    return this.#granted.size;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  add(claim: KeyClaim): void {
    this.#waiting.add(claim);
  }

  /** Gives back what was granted, or stops waiting. */
  remove(claim: KeyClaim): void {
    this.#waiting.delete(claim);
    if (!this.#granted.delete(claim)) return;
    for (const key of claim.keys) this.#held.delete(key);
  }

  /** Grants whatever can be. */
  grant(): void {
    const taken = new Set(this.#held);
    for (const claim of this.#waiting) {
      const isFree = claim.keys.every((key) => !taken.has(key));
      // Also keys that are waited for: who came first must not be passed by for ever.
      for (const key of claim.keys) taken.add(key);
      if (!isFree) continue;
      this.#waiting.delete(claim);
      this.#granted.add(claim);
      for (const key of claim.keys) this.#held.add(key);
      claim.granted();
    }
  }
}
