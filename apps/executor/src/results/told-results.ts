import type { Delivery } from '#bus';

const maxRemembered = 10_000;

/**
 * Messages that carry step results which this executor has told already, when it published them. Whoever leases one tells
 * them again unless it is here; forgetting costs an event that counts nothing.
 */
export class ToldResults {
  readonly #ids = new Set<string>();

  add(messageIds: readonly string[]): void {
    for (const id of messageIds) {
      this.#ids.add(id);
      if (this.#ids.size <= maxRemembered) continue;
      const [oldest] = this.#ids as Iterable<string>;
      if (oldest !== undefined) this.#ids.delete(oldest);
    }
  }

  has({ id }: Pick<Delivery, 'id'>): boolean {
    return this.#ids.has(id);
  }
}
