import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { jetstream, jetstreamManager, StorageType, type JetStreamManager, type StoredMsg } from '@nats-io/jetstream';
import { Objm, type ObjectInfo, type ObjectStore } from '@nats-io/obj';
import { connect, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node';
import { assertBlobPrefix, parseBlobKey } from '../blob-key.js';
import type { BlobInfo, Blobs } from '../blobs.js';
import { releaseContent, toReadable } from '../content.js';

export interface JetStreamBlobsOptions {
  /** `nats://host:port`, several separated by commas */
  readonly servers: string;
  /** The object store's name: letters, digits, `_` and `-`. Default `millrace`. */
  readonly bucket?: string;
  /** Copies of each blob, when the bucket does not exist yet. Default 1. */
  readonly replicas?: number;
  /** Credentials, TLS and the like, as the NATS client takes them. */
  readonly connection?: Omit<NodeConnectionOptions, 'servers' | 'name'>;
}

/** Bytes per message of the underlying stream. Large enough that a blob needs few round trips. */
const chunkBytes = 512 * 1024;

const requestTimeoutMs = 30_000;
const readinessTimeoutMs = 2_000;

/** Chunks without a blob are of a process that died while it put one, when the last was stored so long ago. */
const abandonedAfterMs = 24 * 60 * 60 * 1_000;

const digestPrefix = 'SHA-256=';

/** Blobs in a JetStream object store. */
export class JetStreamBlobs implements Blobs {
  readonly #connection: NatsConnection;
  readonly #manager: JetStreamManager;
  readonly #store: ObjectStore;
  readonly #bucket: string;

  private constructor(parts: {
    connection: NatsConnection;
    manager: JetStreamManager;
    store: ObjectStore;
    bucket: string;
  }) {
    this.#connection = parts.connection;
    this.#manager = parts.manager;
    this.#store = parts.store;
    this.#bucket = parts.bucket;
  }

  /** Connects, and creates the bucket when it is missing. */
  static async open(options: JetStreamBlobsOptions): Promise<JetStreamBlobs> {
    const bucket = options.bucket ?? 'millrace';
    const connection = await connect({
      reconnectTimeWait: 250,
      ...options.connection,
      servers: options.servers.split(','),
      name: 'millrace-blobs',
      maxReconnectAttempts: -1,
    });
    try {
      const client = jetstream(connection, { timeout: requestTimeoutMs });
      const store = await new Objm(client).create(bucket, {
        storage: StorageType.File,
        replicas: options.replicas ?? 1,
      });
      const manager = await jetstreamManager(connection, { timeout: requestTimeoutMs });
      const blobs = new JetStreamBlobs({ connection, manager, store, bucket });
      await blobs.#removeAbandoned();
      return blobs;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  async put(key: string, content: Uint8Array | Readable): Promise<BlobInfo> {
    try {
      parseBlobKey(key);
      const source = Readable.toWeb(toReadable(content)) as ReadableStream<Uint8Array>;
      const meta = { name: key, options: { max_chunk_size: chunkBytes } };
      return toInfo(await this.#store.put(meta, source, { timeout: requestTimeoutMs }));
    } catch (error) {
      releaseContent(content);
      throw error;
    }
  }

  async get(key: string): Promise<Readable | null> {
    const info = await this.#find(key);
    return info && Readable.from(this.#chunks(info), { objectMode: false });
  }

  async stat(key: string): Promise<BlobInfo | null> {
    const info = await this.#find(key);
    return info && toInfo(info);
  }

  async delete(key: string): Promise<void> {
    if ((await this.#find(key)) === null) return;
    await this.#store.delete(key);
    // What is left is a note of the deletion, for watchers; there are none, and the notes would pile up. The sequence
    // keeps it from hitting a blob that was put under the same key meanwhile.
    const note = await this.#store.info(key);
    if (!note?.deleted) return;
    await this.#manager.streams.purge(this.#stream, { filter: this.#metaSubject(key), seq: note.revision + 1 });
  }

  /** The store has no index of prefixes: every listing reads the names of all blobs. */
  async *list(prefix: string): AsyncIterable<BlobInfo> {
    assertBlobPrefix(prefix);
    const found = (await this.#store.list()).filter((info) => info.name.startsWith(prefix));
    found.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const info of found) yield toInfo(info);
  }

  async isReady(): Promise<boolean> {
    if (this.#connection.isClosed()) return false;
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, readinessTimeoutMs, false);
    });
    const answered = this.#store.status().then(
      () => true,
      () => false,
    );
    try {
      return await Promise.race([answered, tooLate]);
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async #find(key: string): Promise<ObjectInfo | null> {
    parseBlobKey(key);
    const info = await this.#store.info(key);
    return info && !info.deleted ? info : null;
  }

  /**
   * Reads one chunk after the other, as fast as the reader takes them. The client's own reader is pushed the whole blob,
   * however large, into memory.
   *
   * @throws Error when the blob was replaced or deleted meanwhile, or is damaged
   */
  async *#chunks(info: ObjectInfo): AsyncGenerator<Uint8Array> {
    const subject = this.#chunkSubject(info.nuid);
    const hash = createHash('sha256');
    let next = 1;
    for (let chunk = 0; chunk < info.chunks; chunk += 1) {
      const message = await this.#chunkFrom(subject, next);
      if (!message) throw new Error(`The blob ${info.name} was replaced or deleted while it was read`);
      hash.update(message.data);
      yield message.data;
      next = message.seq + 1;
    }
    if (decodeDigest(info.digest) !== hash.digest('hex')) throw new Error(`The blob ${info.name} is damaged`);
  }

  async #chunkFrom(subject: string, seq: number): Promise<StoredMsg | null> {
    const query = { next_by_subj: subject, seq };
    // Any replica may answer the first question, and one that lags behind may not have the chunk yet.
    return (
      (await this.#manager.direct.getMessage(this.#stream, query)) ??
      (await this.#manager.streams.getMessage(this.#stream, query))
    );
  }

  async #removeAbandoned(): Promise<void> {
    const { state } = await this.#manager.streams.info(this.#stream, { subjects_filter: this.#chunkSubject('*') });
    const unknown = new Set(Object.keys(state.subjects ?? {}));
    for (const info of await this.#store.list()) unknown.delete(this.#chunkSubject(info.nuid));
    for (const subject of unknown) {
      const last = await this.#manager.streams.getMessage(this.#stream, { last_by_subj: subject });
      if (!last || Date.now() - last.time.getTime() < abandonedAfterMs) continue;
      await this.#manager.streams.purge(this.#stream, { filter: subject });
    }
  }

  get #stream(): string {
    return `OBJ_${this.#bucket}`;
  }

  #chunkSubject(nuid: string): string {
    return `$O.${this.#bucket}.C.${nuid}`;
  }

  #metaSubject(key: string): string {
    // URL-safe with padding, as the client encodes names.
    const encoded = Buffer.from(key).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
    return `$O.${this.#bucket}.M.${encoded}`;
  }
}

function decodeDigest(digest: string): string {
  return Buffer.from(digest.slice(digestPrefix.length), 'base64url').toString('hex');
}

function toInfo({ name, size, mtime }: ObjectInfo): BlobInfo {
  return { key: name, bytes: size, storedAt: mtime };
}
