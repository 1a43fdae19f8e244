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
 */
export class NatsLeases implements Leases {
  readonly #connection: Connection;
  readonly #jsm: JetStreamManager;
  readonly #names: Names;

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
    const { entry, sequence } = await this.#read(name);
    if ((entry?.revision ?? null) !== expected) return null;
    const written = await this.#write(name, value, sequence, {
      [leaseTtlHeader]: String(ttlMs),
      [ttlHeader]: String(Math.ceil(ttlMs / 1_000) + removalSlackSeconds),
    });
    return written === null ? null : { value, revision: String(written) };
  }

  async release(name: string, revision: string): Promise<boolean> {
    const { entry, sequence } = await this.#read(name);
    if (entry === null || entry.revision !== revision) return false;
    const written = await this.#write(name, '', sequence, {
      [operationHeader]: 'DEL',
      [ttlHeader]: String(removalSlackSeconds),
    });
    return written !== null;
  }

  /** The live entry, and the sequence that a write must expect (0 when the subject holds nothing). */
  async #read(name: string): Promise<{ entry: LeaseEntry | null; sequence: number }> {
    await this.#connection.whenConnected(requestTimeoutMs);
    try {
      // Asked of the stream's leader, not by direct get: a replica may lag behind.
      const [stored, info] = await Promise.all([this.#stored(name), this.#jsm.streams.info(this.#names.leaseStream)]);
      if (stored === null) return { entry: null, sequence: 0 };
      const ttlMs = Number(stored.header.get(leaseTtlHeader) || 'NaN');
      const removed = stored.header.get(operationHeader) !== '' || stored.header.get(markerHeader) !== '';
      const serverNow = info.ts === undefined ? NaN : Date.parse(info.ts);
      const alive = !removed && serverNow < stored.time.getTime() + ttlMs;
      return {
        entry: alive ? { value: stored.string(), revision: String(stored.seq) } : null,
        sequence: stored.seq,
      };
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
