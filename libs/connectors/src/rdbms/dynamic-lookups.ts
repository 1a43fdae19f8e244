import type { LookupAnswer, LookupQuestion } from '#engine';
import type { Getter } from '#engine/paths/index';
import type { Failure } from '#failures';
import type { JsonRecord, JsonValue, Lookup } from '#model';
import { compileConfiguredPath } from '../configured-path.js';
import { importContext, readsBareFields, stepRoots } from '../contexts.js';
import { askOnce, asMatches, lookupFailure, lookupNamed } from '../dynamic-lookups.js';
import type { ConnectorHost, StepContext } from '../ports.js';
import { compileTemplate, render, type StaticLookups, type Template } from '../templates.js';
import { RdbmsClient } from './client.js';
import type { StoredImport } from './import-settings.js';
import { findRows } from './lookup.js';
import type { Database } from './pool.js';

interface CompiledLookup {
  readonly query: Template;
  readonly matches: (rows: readonly JsonRecord[]) => readonly JsonValue[];
  readonly bareFields: boolean;
}

/** Dynamic lookups of a database import: queries over its connection. Reference: runtime §14. */
export class RdbmsDynamicLookups {
  readonly #step: StoredImport;
  readonly #host: ConnectorHost;
  readonly #lookups: ReadonlyMap<string, CompiledLookup>;

  /** @throws PlatformError for paths that are none */
  constructor(step: StoredImport, dynamic: readonly Lookup[], maps: StaticLookups, host: ConnectorHost) {
    this.#step = step;
    this.#host = host;
    this.#lookups = new Map(dynamic.map((lookup) => [lookup.name, compile(lookup, maps)]));
  }

  async resolve(questions: readonly LookupQuestion[], context: StepContext): Promise<readonly LookupAnswer[]> {
    const client = RdbmsClient.of(this.#host);
    const database = await client.database(context.connection);
    if ('code' in database) return questions.map(({ lookup }) => ({ failure: lookupFailure(lookup, database) }));
    const roots = stepRoots(context, database.document, 'import', this.#step as unknown as JsonRecord);
    const render = (question: LookupQuestion): string | Failure => this.#render(roots, question, context);
    return askOnce(
      questions,
      (question) => {
        const text = render(question);
        // Two lookups with one query may extract different things.
        return typeof text === 'string' ? `${question.lookup}\n${text}` : null;
      },
      (question) => this.#ask(client, database, question, render(question), context),
    );
  }

  async #ask(
    client: RdbmsClient,
    database: Database,
    { lookup }: LookupQuestion,
    text: string | Failure,
    context: StepContext,
  ): Promise<LookupAnswer> {
    if (typeof text !== 'string') return { failure: lookupFailure(lookup, text) };
    const found = await findRows(client, database, text, context);
    if ('failure' in found) return { failure: lookupFailure(lookup, found.failure) };
    return { matches: lookupNamed(this.#lookups, lookup).matches(found.rows) };
  }

  #render(roots: JsonRecord, { lookup, record }: LookupQuestion, context: StepContext): string | Failure {
    const { query, bareFields } = lookupNamed(this.#lookups, lookup);
    return render(query, importContext(roots, record, bareFields), { nowMs: context.run.nowMs });
  }
}

function compile(lookup: Lookup, maps: StaticLookups): CompiledLookup {
  const query = compileTemplate(lookup.query ?? '', 'sql', 'resource', `query of the lookup ${lookup.name}`, maps);
  return { query, matches: compileExtract(lookup), bareFields: readsBareFields([query]) };
}

/**
 * `extract` reads each row, or all of them where it starts with an index or `$`. Without one, the only column of a row is
 * its value; a row of several columns is the value itself.
 */
function compileExtract(lookup: Lookup): CompiledLookup['matches'] {
  const { extract } = lookup;
  if (!extract) {
    return (rows) => rows.flatMap((row) => asMatches(valueOf(row)));
  }
  const get: Getter = compileConfiguredPath(extract, `lookups.${lookup.name}.extract`);
  return /^[[$\d]/.test(extract)
    ? (rows) => asMatches(get(rows))
    : (rows) => rows.flatMap((row) => asMatches(get(row)));
}

function valueOf(row: JsonRecord): JsonValue {
  const columns = Object.values(row);
  return columns.length === 1 ? (columns[0] ?? null) : row;
}
