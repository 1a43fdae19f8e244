const maxRemembered = 50_000;

/** Messages of the work stream that this process knows to be gone: it settled them. Forgetting one costs a request. */
export class SettledSequences {
  readonly #sequences = new Set<number>();

  add(sequence: number): void {
    this.#sequences.add(sequence);
    if (this.#sequences.size <= maxRemembered) return;
    const [oldest] = this.#sequences as Iterable<number>;
    if (oldest !== undefined) this.#sequences.delete(oldest);
  }

  has(sequence: number): boolean {
    return this.#sequences.has(sequence);
  }
}
