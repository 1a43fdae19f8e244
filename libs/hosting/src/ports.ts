import type { Blobs } from '#blobs';
import type { Bus } from '#bus';
import type { Store } from '#store';
import type { Stream } from '#stream';

/** The four ports of a process, with adapters behind them. */
export interface Ports {
  readonly bus: Bus;
  readonly stream: Stream;
  readonly store: Store;
  readonly blobs: Blobs;
  /** Closes what was opened, in reverse order. */
  close(): Promise<void>;
}

/** Which of the ports can be reached now, by name. */
export async function portStates(ports: Ports): Promise<Record<string, boolean>> {
  const [bus, stream, store, blobs] = await Promise.all(
    [ports.bus, ports.stream, ports.store, ports.blobs].map((port) => port.isReady().catch(() => false)),
  );
  return { bus: bus === true, stream: stream === true, store: store === true, blobs: blobs === true };
}

/** Opens things one after another; when one fails, closes those that are open already. */
export class Opened {
  readonly #closers: (() => Promise<void>)[] = [];

  async add<T extends { close(): Promise<void> }>(open: Promise<T>): Promise<T> {
    try {
      const thing = await open;
      this.#closers.push(() => thing.close());
      return thing;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).toReversed()) await close();
  }
}
