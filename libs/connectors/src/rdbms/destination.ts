import type { ImportOutcome, LookupAnswer, LookupQuestion, PageIdentity, PreparedRecord } from '#engine';
import type { Failure } from '#failures';
import { connectionSecrets, type JsonRecord, valuesAt } from '#model';
import { Redactor } from '#security/mask';
import { mapConcurrently } from '../concurrent.js';
import { batchContext, importContext, readsBareFields, stepRoots } from '../contexts.js';
import { readLookups } from '../dynamic-lookups.js';
import {
  type ConnectorHost,
  type Destination,
  maxPlannedBodyBytes,
  type PlannedRequest,
  type StepContext,
} from '../ports.js';
import { render, type Template } from '../templates.js';
import { ACCEPTED, bulkStatement, groupByColumns, refused, unusableFailure, writeBisecting } from './bulk-insert.js';
import { RdbmsClient } from './client.js';
import { RdbmsDynamicLookups } from './dynamic-lookups.js';
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
  readonly #dynamic: RdbmsDynamicLookups;

  /** @throws PlatformError when the import cannot be run as it is configured */
  constructor(step: StoredImport, host: ConnectorHost) {
    this.#step = step;
    this.#host = host;
    const lookups = readLookups(step);
    this.#dynamic = new RdbmsDynamicLookups(step, lookups.dynamic, lookups.static, host);
    this.#plan = readWritePlan(step, lookups.static);
    this.#bareFields = readsBareFields(templatesOf(this.#plan));
  }

  async submit(
    page: PageIdentity,
    records: readonly PreparedRecord[],
    context: StepContext,
  ): Promise<readonly ImportOutcome[]> {
    const client = RdbmsClient.of(this.#host);
    const database = await client.database(context.connection);
    if ('code' in database) return records.map(() => refused(database));
    return this.#write(client, database, page, records, context);
  }

  resolveLookups(questions: readonly LookupQuestion[], context: StepContext): Promise<readonly LookupAnswer[]> {
    return this.#dynamic.resolve(questions, context);
  }

  async preview(
    page: PageIdentity,
    records: readonly PreparedRecord[],
    context: StepContext,
  ): Promise<readonly PlannedRequest[]> {
    const database = await RdbmsClient.of(this.#host).database(context.connection);
    if ('code' in database) return [planned('execute', '', records, database)];
    const requests = this.#planned(database, page, records, context);
    const redactor = new Redactor(secretsOf(database.document));
    return requests.map((request) =>
      request.body === undefined ? request : { ...request, body: redactor.body(request.body, maxPlannedBodyBytes) },
    );
  }

  #planned(
    database: Database,
    page: PageIdentity,
    records: readonly PreparedRecord[],
    context: StepContext,
  ): readonly PlannedRequest[] {
    const plan = this.#plan;
    if (records.length === 0 || (plan.kind === 'first_page' && page.page > 0)) return [];
    if (plan.kind === 'bulk') return previewBulk(plan, records, database);
    const isPerRecord = plan.kind === 'per_record' || plan.kind === 'composite';
    const groups = isPerRecord ? records.map((record) => [record]) : [records];
    return groups.map((some) => planned('execute', database.target, some, this.#render(plan, some, database, context)));
  }

  /** The statement for one record, or for a page. */
  #render(
    plan: Exclude<WritePlan, BulkPlan>,
    records: readonly PreparedRecord[],
    database: Database,
    context: StepContext,
  ): string | Failure {
    const roots = stepRoots(context, database.document, 'import', this.#step as unknown as JsonRecord);
    const environment = { nowMs: context.run.nowMs };
    if (plan.kind === 'per_record' || plan.kind === 'composite') {
      const { mapped, operation, lookups } = records[0]!;
      const query = plan.kind === 'composite' ? plan[operation ?? 'create'] : plan.query;
      return render(query, importContext(roots, mapped, this.#bareFields, lookups), environment);
    }
    const values = records.map(({ mapped }) => mapped);
    const lookups = records.map((record) => record.lookups);
    return render(plan.query, batchContext(roots, values, lookups), environment);
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
    if (plan.kind === 'per_record' || plan.kind === 'composite') {
      return mapConcurrently(records, MAX_CONCURRENT, (record) => {
        const text = this.#render(plan, [record], database, context);
        return typeof text === 'string'
          ? this.#statement(client, database, text, context)
          : Promise.resolve(refused(text));
      });
    }
    if (plan.kind === 'first_page' && page.page > 0) return records.map(() => IGNORED);
    const text = this.#render(plan, records, database, context);
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
    settle(unusable, refused(unusableFailure));
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
}

function templatesOf(plan: WritePlan): readonly Template[] {
  if (plan.kind === 'bulk') return [];
  return plan.kind === 'composite' ? [plan.create, plan.update] : [plan.query];
}

function previewBulk(plan: BulkPlan, records: readonly PreparedRecord[], { target }: Database): PlannedRequest[] {
  const { groups, unusable } = groupByColumns(records);
  const requests = unusable.map((position) => planned('bulk_insert', target, [records[position]!], unusableFailure));
  for (const { columns, positions } of groups) {
    for (let from = 0; from < positions.length; from += plan.batchSize) {
      const some = positions.slice(from, from + plan.batchSize).map((position) => records[position]!);
      const rows = JSON.stringify(some.map(({ mapped }) => mapped));
      requests.push(planned('bulk_insert', target, some, `${bulkStatement(plan, columns)}\n-- $1 = ${rows}`));
    }
  }
  return requests;
}

function planned(
  method: string,
  target: string,
  records: readonly PreparedRecord[],
  statement: string | Failure,
): PlannedRequest {
  const common = { system: 'postgresql', method, target, indices: records.map(({ index }) => index) } as const;
  return typeof statement === 'string' ? { ...common, body: statement } : { ...common, failure: statement };
}

/** What a statement's template could print of the connection and nobody may read. */
function secretsOf(document: JsonRecord): string[] {
  return connectionSecrets.flatMap((path) =>
    valuesAt(document, path).flatMap(({ value }) => (typeof value === 'string' ? [value] : [])),
  );
}
