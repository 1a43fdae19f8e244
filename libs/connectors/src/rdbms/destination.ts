import type { ImportOutcome, PageIdentity, PreparedRecord } from '#engine';
import type { Getter } from '#engine/paths/index';
import type { JsonRecord } from '#model';
import { mapConcurrently } from '../concurrent.js';
import { compileConfiguredPath } from '../configured-path.js';
import { batchContext, importContext, readsBareFields, stepRoots } from '../contexts.js';
import type { ConnectorHost, Destination, StepContext } from '../ports.js';
import { render } from '../templates.js';
import { ACCEPTED, bulkStatement, groupByColumns, refused, unusableRecord, writeBisecting } from './bulk-insert.js';
import { RdbmsClient } from './client.js';
import { readWritePlan, type StoredImport, type WritePlan } from './import-settings.js';
import type { Database } from './pool.js';

/** Statements of one page under way in this worker; the connection's permits and pool bound them further. */
const MAX_CONCURRENT = 16;

const IGNORED: ImportOutcome = { statusCode: 200, ignored: true };

type BulkPlan = Extract<WritePlan, { kind: 'bulk' }>;

/**
 * A database import. A statement is repeated after a crash when its page was not acknowledged yet; give the table a key
 * and use an upsert, or `on conflict`, where that would matter. Reference: runtime §9.3.
 */
export class RdbmsDestination implements Destination {
  readonly #step: StoredImport;
  readonly #host: ConnectorHost;
  readonly #plan: WritePlan;
  readonly #bareFields: boolean;
  readonly #ignored: Getter | null;
  readonly #ignoreWhenPresent: boolean;

  /** @throws PlatformError when the import cannot be run as it is configured */
  constructor(step: StoredImport, host: ConnectorHost) {
    this.#step = step;
    this.#host = host;
    this.#plan = readWritePlan(step);
    this.#bareFields = readsBareFields(this.#plan.kind === 'bulk' ? [] : [this.#plan.query]);
    const extract = step.rdbms?.ignoreExtract;
    const skips = Boolean(extract) && (step.ignoreExisting === true || step.ignoreMissing === true);
    this.#ignored = skips ? compileConfiguredPath(extract!, 'rdbms.ignoreExtract') : null;
    this.#ignoreWhenPresent = step.ignoreExisting === true;
  }

  async submit(
    page: PageIdentity,
    records: readonly PreparedRecord[],
    context: StepContext,
  ): Promise<readonly ImportOutcome[]> {
    const client = RdbmsClient.of(this.#host);
    const database = await client.database(context.connection);
    if ('code' in database) return records.map(() => refused(database));
    const taken = this.#ignored === null ? records : records.filter((record) => !this.#isIgnored(record));
    const written = await this.#write(client, database, page, taken, context);
    if (taken.length === records.length) return written;
    let next = 0;
    return records.map((record) => (this.#isIgnored(record) ? IGNORED : written[next++]!));
  }

  async #write(
    client: RdbmsClient,
    database: Database,
    page: PageIdentity,
    records: readonly PreparedRecord[],
    context: StepContext,
  ): Promise<readonly ImportOutcome[]> {
    const plan = this.#plan;
    if (records.length === 0) return [];
    if (plan.kind === 'bulk') return this.#bulk(client, database, plan, records, context);
    const roots = stepRoots(context, database.document, 'import', this.#step as unknown as JsonRecord);
    const environment = { nowMs: context.run.nowMs };
    if (plan.kind === 'per_record') {
      return mapConcurrently(records, MAX_CONCURRENT, ({ mapped }) => {
        const text = render(plan.query, importContext(roots, mapped, this.#bareFields), environment);
        return typeof text === 'string'
          ? this.#statement(client, database, text, context)
          : Promise.resolve(refused(text));
      });
    }
    if (plan.kind === 'first_page' && page.page > 0) return records.map(() => IGNORED);
    const text = render(
      plan.query,
      batchContext(
        roots,
        records.map(({ mapped }) => mapped),
      ),
      environment,
    );
    const outcome = typeof text === 'string' ? await this.#statement(client, database, text, context) : refused(text);
    return records.map(() => outcome);
  }

  /** Rows that a statement returns are the response: the first one's `id` names the record. */
  async #statement(
    client: RdbmsClient,
    database: Database,
    text: string,
    context: StepContext,
  ): Promise<ImportOutcome> {
    const result = await client.run(database, context, 'execute', (session) => session.query<JsonRecord>(text));
    if ('error' in result) return refused(result.error.failure);
    const rows = (result.value.rows as readonly JsonRecord[] | undefined) ?? [];
    if (rows.length === 0) return ACCEPTED;
    const id = rows[0]!['id'];
    const named = typeof id === 'string' || typeof id === 'number' ? { id: String(id) } : {};
    return { statusCode: 200, ...named, _json: rows.length === 1 ? rows[0]! : rows };
  }

  async #bulk(
    client: RdbmsClient,
    database: Database,
    plan: BulkPlan,
    records: readonly PreparedRecord[],
    context: StepContext,
  ): Promise<readonly ImportOutcome[]> {
    const outcomes: ImportOutcome[] = [];
    outcomes.length = records.length;
    const settle = (positions: readonly number[], outcome: ImportOutcome): void => {
      for (const position of positions) outcomes[position] = outcome;
    };
    const { groups, unusable } = groupByColumns(records);
    settle(unusable, unusableRecord());
    // One batch after the other: two statements that touch the same keys in another order would deadlock.
    for (const { columns, positions } of groups) {
      const text = bulkStatement(plan, columns);
      for (let from = 0; from < positions.length; from += plan.batchSize) {
        await writeBisecting(
          positions.slice(from, from + plan.batchSize),
          (some) => {
            const rows = JSON.stringify(some.map((position) => records[position]!.mapped));
            return client.run(database, context, 'bulk_insert', (session) => session.query({ text, values: [rows] }));
          },
          settle,
        );
      }
    }
    return outcomes;
  }

  #isIgnored(record: PreparedRecord): boolean {
    if (this.#ignored === null) return false;
    const value = this.#ignored(record.record);
    return (value !== undefined && value !== null && value !== '') === this.#ignoreWhenPresent;
  }
}
