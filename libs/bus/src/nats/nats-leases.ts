import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';
import type { LeaseEntry, Leases } from '../bus.js';
import { busError } from '../failures.js';
import type { Connection } from './connection.js';
import type { Names } from './subjects.js';
import { toHeaders } from './wire.js';

const requestTimeoutMs = 5_000;
const wrongLastSequence = [
  JetStreamApiCodes.StreamWrongLastSequence,
  JetStreamApiCodes.StreamWrongLastSequenceUnknown,
] as const;
const expectedSequenceHeader = 'Nats-Expected-Last-Subject-Sequence';
const ttlHeader = 'Nats-TTL';
const operationHeader = 'KV-Operation';
const markerHeader = 'Nats-Marker-Reason';
const leaseTtlHeader = 'Millrace-Bus-Ttl-Ms';
/** The server may remove an expired entry this much later; the stamp in the entry decides, not the removal. */
const removalSlackSeconds = 60;

/**
 * Leases in a KV bucket. An entry carries its time to live; it has expired when the *server's* clock says that so much
 * time passed since the server stored it. Clocks of clients play no part, and compare-and-set on the entry's sequence
 * decides between two takers. The server's own removal by `Nats-TTL` (whole seconds, done lazily) only cleans up.
 *
 * An entry that was read or written a moment ago, so that it cannot have expired yet, is written again without another
 * look: compare-and-set refuses the write if somebody else was there.
 */
export class NatsLeases implements Leases {
  readonly #connection: Connection;
  readonly #jsm: JetStreamManager;
  readonly #names: Names;
  /** By name: a revision, and until when on this process's clock it has certainly not expired. */
  readonly #alive = new Map<string, { readonly revision: string; readonly untilMs: number }>();

  constructor(connection: Connection, jsm: JetStreamManager, names: Names) {
    this.#connection = connection;
    this.#jsm = jsm;
    this.#names = names;
  }

  async get(name: string): Promise<LeaseEntry | null> {
    const { entry } = await this.#read(name);
    return entry;
  }

  async put(name: string, value: string, expected: string | null, ttlMs: number): Promise<LeaseEntry | null> {
    if (!(ttlMs > 0)) throw new RangeError(`A lease lasts longer than ${ttlMs} ms.`);
    const sequence = await this.#sequenceOf(name, expected);
    if (sequence === null) return null;
    const startedMs = performance.now();
    const written = await this.#write(name, value, sequence, {
      [leaseTtlHeader]: String(ttlMs),
      [ttlHeader]: String(Math.ceil(ttlMs / 1_000) + removalSlackSeconds),
    });
    if (written === null) return null;
    const revision = String(written);
    // The server stored it after this process asked.
    this.#alive.set(name, { revision, untilMs: startedMs + ttlMs });
    return { value, revision };
  }

  async release(name: string, revision: string): Promise<boolean> {
    const sequence = await this.#sequenceOf(name, revision);
    if (sequence === null) return false;
    this.#alive.delete(name);
    const written = await this.#write(name, '', sequence, {
      [operationHeader]: 'DEL',
      [ttlHeader]: String(removalSlackSeconds),
    });
    return written !== null;
  }

  /** The sequence that a write must expect if the entry is as expected (null: there is none alive); else null. */
  async #sequenceOf(name: string, expected: string | null): Promise<number | null> {
    const known = this.#alive.get(name);
    // Used once: a write that is refused says that somebody else was there.
    this.#alive.delete(name);
    if (known && known.revision === expected && performance.now() < known.untilMs) return Number(known.revision);
    const { entry, sequence } = await this.#read(name);
    return (entry?.revision ?? null) === expected ? sequence : null;
  }

  /** The live entry, and the sequence that a write must expect (0 when the subject holds nothing). */
  async #read(name: string): Promise<{ entry: LeaseEntry | null; sequence: number }> {
    await this.#connection.whenConnected(requestTimeoutMs);
    const startedMs = performance.now();
    try {
      // Asked of the stream's leader, not by direct get: a replica may lag behind.
      const [stored, info] = await Promise.all([this.#stored(name), this.#jsm.streams.info(this.#names.leaseStream)]);
      if (stored === null) return { entry: null, sequence: 0 };
      const ttlMs = Number(stored.header.get(leaseTtlHeader) || 'NaN');
      const removed = stored.header.get(operationHeader) !== '' || stored.header.get(markerHeader) !== '';
      const serverNow = info.ts === undefined ? NaN : Date.parse(info.ts);
      const leftMs = stored.time.getTime() + ttlMs - serverNow;
      if (removed || !(leftMs > 0)) return { entry: null, sequence: stored.seq };
      const revision = String(stored.seq);
      this.#alive.set(name, { revision, untilMs: startedMs + leftMs });
      return { entry: { value: stored.string(), revision }, sequence: stored.seq };
    } catch (error) {
      throw busError('bus_unavailable', 'A lease could not be read.', error);
    }
  }

  async #stored(name: string): Promise<StoredMsg | null> {
    const query = { last_by_subj: this.#names.leaseSubject(name) };
    return await this.#jsm.streams.getMessage(this.#names.leaseStream, query);
  }

  async #write(
    name: string,
    value: string,
    expectedSequence: number,
    headers: Readonly<Record<string, string>>,
  ): Promise<number | null> {
    const answer = await this.#connection.request(
      this.#names.leaseSubject(name),
      value,
      requestTimeoutMs,
      toHeaders({ ...headers, [expectedSequenceHeader]: String(expectedSequence) }),
    );
    const ack: { error?: ConstructorParameters<typeof JetStreamApiError>[0]; seq?: number } = answer.json();
    if (ack.error) {
      const { err_code } = ack.error;
      if (wrongLastSequence.some((code) => code === err_code)) return null;
      throw busError('bus_unavailable', 'A lease could not be written.', new JetStreamApiError(ack.error));
    }
    return ack.seq ?? null;
  }
}
