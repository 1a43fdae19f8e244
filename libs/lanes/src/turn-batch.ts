/**
 * Collects what arrives in one turn of the event loop and hands it on at the end of the turn, many items in one piece.
 * There is no timer: load makes the batches.
 */
export class TurnBatch<T> {
  readonly #hand: (items: readonly T[]) => void;
  readonly #maxItems: number;
  #items: T[] = [];

  /** @param maxItems of one piece; what is beyond goes in further ones */
  constructor(hand: (items: readonly T[]) => void, maxItems = Infinity) {
    this.#hand = hand;
    this.#maxItems = maxItems;
  }

  add(item: T): void {
    if (this.#items.push(item) === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const items = this.#items;
    this.#items = [];
    for (let at = 0; at < items.length; at += this.#maxItems) this.#hand(items.slice(at, at + this.#maxItems));
  }
}
