/** A map that keeps the entries used last. */
export class Lru<V> {
  readonly #entries = new Map<string, V>();

  /** @param dropped told about entries that had to go */
  constructor(
    private readonly capacity: number,
    private readonly dropped: (value: V) => void = () => undefined,
  ) {}

  get(key: string): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: string, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    for (const [oldest, old] of this.#entries) {
      if (this.#entries.size <= this.capacity) return;
      this.#entries.delete(oldest);
      this.dropped(old);
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  values(): IterableIterator<V> {
    return this.#entries.values();
  }
}
