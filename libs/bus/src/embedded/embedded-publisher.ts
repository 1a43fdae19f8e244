import type { AtomicOutcome, OutgoingMessage } from '../bus.js';
import { busCodes } from '../failures.js';
import { PlatformError } from '#failures';
import type { Pending } from '#lanes/lane';
import { Lane } from '#lanes/lane';
import { messageBytes, scopedId } from '../limits.js';
import { retryWhileUnavailable } from '../retry.js';
import type { Database } from './database.js';
import { hasSqlState } from './database.js';
import { idRaceCode } from './schema.js';

/** Messages that are written all or not at all: one, or an atomic batch. */
type Unit = readonly OutgoingMessage[];

const maxBatchUnits = 1_000;
const maxBatchBytes = 4 * 1024 * 1024;

/** Publishes: one statement, one commit and one sync for everything that arrived while the last one ran. */
export class EmbeddedPublisher {
  readonly #database: Database;
  readonly #statement: string;
  readonly #timeoutMs: number;
  readonly #published: (queues: ReadonlySet<string>) => void;
  readonly #lane: Lane<Unit, AtomicOutcome>;

  /** @param published told after each commit which queues have new messages */
  constructor(database: Database, schema: string, timeoutMs: number, published: (queues: ReadonlySet<string>) => void) {
    this.#database = database;
    this.#statement = `select ${schema}.publish($1, $2) as refused`;
    this.#timeoutMs = timeoutMs;
    this.#published = published;
    this.#lane = new Lane({
      maxItems: maxBatchUnits,
      maxBytes: maxBatchBytes,
      bytesOf: (unit) => unit.reduce((sum, message) => sum + messageBytes(message), 0),
      keysOf: (unit) => unit.map(scopedId),
      send: (batch) => this.#send(batch),
    });
  }

  publish(unit: Unit): Promise<AtomicOutcome> {
    return this.#lane.submit(unit);
  }

  idle(): Promise<void> {
    return this.#lane.idle();
  }

  async #send(batch: readonly Pending<Unit, AtomicOutcome>[]): Promise<void> {
    const parameters = encode(batch.map((entry) => entry.item));
    // Repeating is safe: ids make what a lost connection left committed a duplicate.
    const [row] = await retryWhileUnavailable(
      () => this.#database.rows<{ refused: number[] }>('publish', this.#statement, parameters),
      { forMs: this.#timeoutMs, isTransient },
    );
    const refused = new Set(row?.refused);
    const queues = new Set<string>();
    for (const [index, entry] of batch.entries()) {
      if (refused.has(index)) {
        entry.resolve('already');
        continue;
      }
      entry.resolve('published');
      for (const message of entry.item) queues.add(message.queue);
    }
    if (queues.size > 0) this.#published(queues);
  }
}

function encode(units: readonly Unit[]): [string, Buffer] {
  const bodies: Uint8Array[] = [];
  const rows: object[] = [];
  let start = 1;
  for (const [unit, messages] of units.entries()) {
    for (const { queue, key, id, headers, body } of messages) {
      const bytes = body.byteLength;
      rows.push({ unit, queue, key, id, headers: JSON.stringify(headers ?? {}), start, bytes });
      bodies.push(body);
      start += bytes;
    }
  }
  return [JSON.stringify(rows), Buffer.concat(bodies)];
}

function isTransient(error: unknown): boolean {
  if (hasSqlState(error, idRaceCode)) return true;
  return error instanceof PlatformError && error.code === busCodes.bus_unavailable.code;
}
