/** A map that keeps the entries used last. */
export class Lru<K, V> {
  readonly #entries = new Map<K, V>();

  /** @param dropped told about entries that had to go */
  constructor(
    private readonly capacity: number,
    private readonly dropped: (value: V, key: K) => void = () => undefined,
  ) {}

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.capacity) return;
    const [oldest] = this.#entries as Iterable<[K, V]>;
    if (oldest) {
      this.#entries.delete(oldest[0]);
      this.dropped(oldest[1], oldest[0]);
    }
  }

  delete(key: K): void {
    this.#entries.delete(key);
  }

  values(): IterableIterator<V> {
    return this.#entries.values();
  }
}
