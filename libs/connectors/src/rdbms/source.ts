import type { PoolClient } from 'pg';
import { type Failure, PlatformError } from '#failures';
import type { Export, JsonRecord } from '#model';
import { asText } from '../as-text.js';
import { stepRoots } from '../contexts.js';
import { deltaRoots } from '../delta.js';
import type { ConnectorHost, Cursor as SourceCursor, Source, SourceChunk, StepContext } from '../ports.js';
import { SourceError } from '../ports.js';
import { dropTooLarge } from '../records.js';
import { compileTemplate, render, type Template } from '../templates.js';
import { backoffMs } from '../backoff.js';
import { canceled, RdbmsClient, type SqlResult } from './client.js';
import { bytesRead, isPlainQuery, PortalCursor, type RowCursor, ServerCursor } from './row-cursor.js';
import type { Database } from './pool.js';
import { quoteColumn, quoteLiteral } from './quoting.js';

export type StoredExport = Export & { readonly _id: string };

/** A chunk aims at this many bytes of rows, measured on the socket. */
const CHUNK_BYTES = 1024 * 1024;
const FIRST_ROWS = 100;
const MAX_ROWS = 5_000;
/** Reference: decision 11. */
const OPEN_TRIES = 5;

/**
 * A query as page generator, streamed. The cursor is the number of rows handed over: a generator that moves to another
 * process runs the query again and skips them, on the server for plain queries. A query without `order by` on a table
 * that changes meanwhile can therefore repeat or miss rows; say `order by` a key.
 */
export class RdbmsSource implements Source {
  readonly #step: StoredExport;
  readonly #host: ConnectorHost;
  readonly #query: Template;

  /** @throws PlatformError when the export cannot be run as it is configured */
  constructor(step: StoredExport, host: ConnectorHost) {
    this.#step = step;
    this.#host = host;
    this.#query = compileQuery(step);
  }

  async *read(cursor: SourceCursor | null, context: StepContext): AsyncIterable<SourceChunk> {
    const client = RdbmsClient.of(this.#host);
    const database = await client.database(context.connection);
    if ('code' in database) throw new SourceError(database);
    const text = this.#render(database, context);
    if (typeof text !== 'string') throw new SourceError(text);
    let rows = typeof cursor?.['rows'] === 'number' ? cursor['rows'] : 0;
    const { session, reader } = await this.#open(client, database, text, rows, context);
    let isDone = false;
    try {
      let size = FIRST_ROWS;
      let isLast = false;
      while (!isLast) {
        const wanted = size;
        const before = bytesRead(session);
        const read = valueOf(await client.once(database, context, 'fetch', () => reader.fetch(wanted)));
        const bytes = bytesRead(session) - before;
        rows += read.length;
        isLast = read.length < wanted;
        if (isLast) valueOf(await client.once(database, context, 'close', () => reader.close()));
        isDone = isLast;
        yield { ...dropTooLarge(read, bytes), next: isLast ? null : { rows }, bytes };
        size = Math.min(MAX_ROWS, Math.max(1, Math.floor((CHUNK_BYTES * read.length) / Math.max(bytes, 1))));
      }
    } finally {
      // A reader that stopped early still has its query open: that session is of no use to anybody else.
      session.release(!isDone);
    }
  }

  /** Starts the query; again, where a session was lost before it gave a row. */
  async #open(
    client: RdbmsClient,
    database: Database,
    text: string,
    skip: number,
    context: StepContext,
  ): Promise<{ session: PoolClient; reader: RowCursor }> {
    const isPlain = isPlainQuery(text);
    for (let failedTries = 1; ; failedTries += 1) {
      let session: PoolClient | null = null;
      const result = await client.once(database, context, 'query', async () => {
        session = await database.readers.connect();
        const reader = isPlain ? new ServerCursor(session, text) : new PortalCursor(session, text);
        await reader.open(skip);
        return { session, reader };
      });
      if (!('error' in result)) return result.value;
      (session as PoolClient | null)?.release(true);
      const { failure, transient } = result.error;
      const mayRepeat = transient || (isPlain && failure.classification === 'intermittent');
      if (!mayRepeat || failedTries >= OPEN_TRIES) throw new SourceError(failure);
      await this.#host.clock.sleep(backoffMs(failedTries, this.#host.random), context.signal).catch(() => {
        throw new SourceError(canceled().failure);
      });
    }
  }

  #render(database: Database, context: StepContext): string | Failure {
    const roots: JsonRecord = {
      ...stepRoots(context, database.document, 'export', this.#step as unknown as JsonRecord),
      ...deltaRoots(this.#step, context.run),
    };
    const text = render(this.#query, roots, { nowMs: context.run.nowMs });
    if (typeof text !== 'string') return text;
    const fields = this.#step.type === 'delta' ? dateFields(this.#step) : [];
    return fields.length === 0 ? text : withinWindow(text, fields, roots);
  }
}

/** @throws PlatformError for what cannot be read yet */
export function compileQuery(step: StoredExport): Template {
  const query = step.rdbms?.query;
  if (!query) throw new PlatformError('invalid_value', 'The export has no rdbms.query.');
  if (step.type === 'blob') throw new PlatformError('not_supported', 'An export of type blob is not supported yet.');
  if (step.delta?.endDateField) throw new PlatformError('not_supported', 'delta.endDateField is not supported yet.');
  return compileTemplate(query, 'sql', 'resource', 'query');
}

function dateFields(step: StoredExport): readonly string[] {
  return (step.delta?.dateField ?? '')
    .split(',')
    .map((field) => field.trim())
    .filter((field) => field !== '');
}

/** Rows that any of the date fields puts into the window. Reference: runtime §3.1. */
function withinWindow(text: string, fields: readonly string[], roots: JsonRecord): string {
  const from = quoteLiteral(asText(roots['lastExportDateTime']));
  const to = quoteLiteral(asText(roots['currentExportDateTime']));
  const conditions = fields.map(quoteColumn).map((field) => `(${field} > ${from} and ${field} <= ${to})`);
  return `select * from (${text.replace(/[;\s]+$/, '')}) as millrace_window where ${conditions.join(' or ')}`;
}

function valueOf<T>(result: SqlResult<T>): T {
  if ('error' in result) throw new SourceError(result.error.failure);
  return result.value;
}
