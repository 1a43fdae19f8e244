import type { LookupOutcome, PreparedRecord } from '#engine';
import type { Failure } from '#failures';
import type { JsonRecord } from '#model';
import { mapConcurrently } from '../concurrent.js';
import { lookupContext, readsBareFields, stepRoots } from '../contexts.js';
import { deltaRoots } from '../delta.js';
import { failedLookup, lookupTooLarge } from '../lookup-failures.js';
import type { ConnectorHost, LookupSource, StepContext } from '../ports.js';
import { MAX_RECORD_BYTES } from '../records.js';
import { render, type Template } from '../templates.js';
import { RdbmsClient } from './client.js';
import type { Database } from './pool.js';
import { bytesRead } from './row-cursor.js';
import { compileQuery, type StoredExport } from './source.js';

/** Statements of one page under way in this worker; the connection's permits and pool bound them further. */
const MAX_CONCURRENT = 32;

/** A query inside a flow, once per record. Reference: runtime §9.2. */
export class RdbmsLookup implements LookupSource {
  readonly #step: StoredExport;
  readonly #host: ConnectorHost;
  readonly #query: Template;
  readonly #bareFields: boolean;

  /** @throws PlatformError when the lookup cannot be run as it is configured */
  constructor(step: StoredExport, host: ConnectorHost) {
    this.#step = step;
    this.#host = host;
    this.#query = compileQuery(step);
    this.#bareFields = readsBareFields([this.#query]);
  }

  async lookup(records: readonly PreparedRecord[], context: StepContext): Promise<readonly LookupOutcome[]> {
    const client = RdbmsClient.of(this.#host);
    const database = await client.database(context.connection);
    if ('code' in database) return records.map(() => failedLookup(database));
    const roots: JsonRecord = {
      ...stepRoots(context, database.document, 'export', this.#step as unknown as JsonRecord),
      ...deltaRoots(this.#step, context.run),
      exportStartTime: context.run.currentExportDateTime,
    };
    return mapConcurrently(records, MAX_CONCURRENT, (record) => this.#one(client, database, roots, record, context));
  }

  async #one(
    client: RdbmsClient,
    database: Database,
    roots: JsonRecord,
    record: PreparedRecord,
    context: StepContext,
  ): Promise<LookupOutcome> {
    const text = render(this.#query, lookupContext(roots, record, this.#bareFields), { nowMs: context.run.nowMs });
    if (typeof text !== 'string') return failedLookup(text);
    const found = await findRows(client, database, text, context);
    return 'failure' in found ? failedLookup(found.failure) : { statusCode: 200, data: found.rows };
  }
}

/** Runs a query for one record; it may find 5 MB (runtime §2). */
export async function findRows(
  client: RdbmsClient,
  database: Database,
  text: string,
  context: StepContext,
): Promise<{ readonly rows: readonly JsonRecord[] } | { readonly failure: Failure }> {
  const result = await client.run(database, context, 'lookup', async (session) => {
    const before = bytesRead(session);
    const { rows } = await session.query<JsonRecord>(text);
    return { rows, bytes: bytesRead(session) - before };
  });
  if ('error' in result) return { failure: result.error.failure };
  const { rows, bytes } = result.value;
  if (bytes > MAX_RECORD_BYTES) return { failure: lookupTooLarge(bytes) };
  // Several statements in one text give an array of results, of which none is the lookup's.
  return { rows: rows ?? [] };
}
