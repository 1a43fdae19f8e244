import type { Readable } from 'node:stream';

/** Large bytes by reference: big retry data, stored HTTP exchanges, files in passage. Keys are paths of safe segments. */
export interface BlobInfo {
  readonly key: string;
  readonly bytes: number;
  /** ISO 8601 */
  readonly storedAt: string;
}

export interface Blobs {
  /** Streams the content in; replaces an existing blob at once when complete (never half a blob). Durable when resolved. */
  put(key: string, content: Uint8Array | Readable): Promise<BlobInfo>;
  /** @returns a stream of the content, or null when there is no such blob */
  get(key: string): Promise<Readable | null>;
  stat(key: string): Promise<BlobInfo | null>;
  /** Idempotent. */
  delete(key: string): Promise<void>;
  /** Keys below a prefix, in order of key. */
  list(prefix: string): AsyncIterable<BlobInfo>;
  isReady(): Promise<boolean>;
  close(): Promise<void>;
}
