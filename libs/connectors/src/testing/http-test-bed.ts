import { FakeApp } from '#testing/fake-app';
import { createStepContext, createTestHost, type TestHost } from '#testing/connector-host';
import type { ImportOutcome, PreparedRecord } from '#engine';
import type { Failure } from '#failures';
import type { Connection, Export, Import, JsonRecord, JsonValue } from '#model';
import type { ConnectorHost, Cursor, Source, SourceChunk, StepContext } from '../ports.js';
import { SourceError } from '../ports.js';
import { HttpClient } from '../http/client.js';
import { httpAdaptor } from '../http/index.js';

type Http<T> = T extends { http?: infer H } ? NonNullable<H> : never;

/** A fake application, a connection to it and a host: what every test of this folder stands on. */
export class HttpTestBed {
  private constructor(
    readonly app: FakeApp,
    readonly host: TestHost,
    readonly connection: Connection & { readonly _id: string },
  ) {}

  static async start(http: Partial<Http<Connection>> = {}, host: Partial<ConnectorHost> = {}): Promise<HttpTestBed> {
    const app = await FakeApp.start();
    const connection = {
      _id: 'connection1',
      name: 'fake',
      type: 'http' as const,
      http: { baseURI: app.url, mediaType: 'json' as const, ...http },
    };
    return new HttpTestBed(app, createTestHost(host), connection);
  }

  /** The same application and host under another connection. */
  reconnect(http: Partial<Http<Connection>>): HttpTestBed {
    const changed = { ...this.connection, http: { ...this.connection.http!, ...http } };
    return new HttpTestBed(this.app, this.host, changed);
  }

  context(overrides: Partial<StepContext> = {}): StepContext {
    return createStepContext(this.connection, overrides);
  }

  async stop(): Promise<void> {
    await HttpClient.of(this.host).close();
    await this.app.close();
  }

  /** Reads an export to its end. */
  async read(
    http: Http<Export>,
    options: { step?: Partial<Export>; cursor?: Cursor | null; context?: StepContext } = {},
  ): Promise<ReadResult> {
    const source = this.source(http, options.step);
    return readAll(source.read(options.cursor ?? null, options.context ?? this.context()));
  }

  source(http: Http<Export>, change: Partial<Export> = {}): Source {
    const step = { _id: 'export1', name: 'export', ...change, http } as Export & { _id: string };
    return httpAdaptor.createSource(step, this.host);
  }

  async submit(
    http: Http<Import>,
    mapped: readonly JsonValue[],
    options: { step?: Partial<Import>; context?: StepContext; records?: readonly JsonValue[] } = {},
  ): Promise<readonly ImportOutcome[]> {
    const step = { _id: 'import1', name: 'import', ...options.step, http } as Import & { _id: string };
    const destination = httpAdaptor.createDestination(step, this.host);
    const prepared: PreparedRecord[] = mapped.map((value, index) => ({
      index,
      record: options.records?.[index] ?? value,
      mapped: value,
    }));
    return destination.submit({ generator: 'export1', page: 0 }, prepared, options.context ?? this.context());
  }
}

export interface ReadResult {
  readonly records: JsonValue[];
  readonly chunks: SourceChunk[];
  readonly failure: Failure | null;
}

export async function readAll(chunks: AsyncIterable<SourceChunk>): Promise<ReadResult> {
  const read: SourceChunk[] = [];
  try {
    for await (const chunk of chunks) read.push(chunk);
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    return { records: read.flatMap((chunk) => chunk.records), chunks: read, failure: error.failure };
  }
  return { records: read.flatMap((chunk) => chunk.records), chunks: read, failure: null };
}

/** `{id: 1}`, `{id: 2}` … */
export function ids(from: number, to: number): JsonRecord[] {
  return Array.from({ length: to - from + 1 }, (_, index) => ({ id: from + index }));
}
