import type { ImportOutcome, PreparedRecord } from '#engine';
import type { Failure } from '#failures';
import { connectorCodes as codes } from '../codes.js';
import { quoteColumn } from './quoting.js';
import type { SqlResult } from './client.js';

/** Records with the same columns, which one statement can write. */
export interface ColumnGroup {
  readonly columns: readonly string[];
  /** Positions in the page as it was submitted. */
  readonly positions: number[];
}

export interface BulkTable {
  /** Quoted. */
  readonly table: string;
  readonly primaryKeys: readonly string[];
}

/**
 * Groups records by their columns, so that a column a record does not have keeps its default.
 *
 * @returns the groups, and the positions of what is no object or has no column
 */
export function groupByColumns(records: readonly PreparedRecord[]): {
  groups: readonly ColumnGroup[];
  unusable: readonly number[];
} {
  const groups = new Map<string, ColumnGroup>();
  const unusable: number[] = [];
  let last: ColumnGroup | null = null;
  for (const [position, { mapped }] of records.entries()) {
    const columns = typeof mapped === 'object' && mapped !== null && !Array.isArray(mapped) ? Object.keys(mapped) : [];
    if (columns.length === 0) {
      unusable.push(position);
    } else if (last !== null && sameColumns(last.columns, columns)) {
      last.positions.push(position);
    } else {
      const key = JSON.stringify(columns);
      let group: ColumnGroup | undefined = groups.get(key);
      if (group === undefined) {
        group = { columns, positions: [] };
        groups.set(key, group);
      }
      group.positions.push(position);
      last = group;
    }
  }
  return { groups: [...groups.values()], unusable };
}

function sameColumns(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((column, index) => column === b[index]);
}

/**
 * One statement for any number of rows. The rows travel as one JSON parameter, which the server reads by the types of
 * the table itself, so no value is ever part of the text.
 */
export function bulkStatement(table: BulkTable, columns: readonly string[]): string {
  const list = columns.map(quoteColumn).join(', ');
  const insert = `insert into ${table.table} (${list}) select ${list} from jsonb_populate_recordset(null::${table.table}, $1::jsonb)`;
  if (table.primaryKeys.length === 0) return insert;
  const keys = new Set(table.primaryKeys);
  const updates = columns
    .filter((column) => !keys.has(column))
    .map((column) => `${quoteColumn(column)} = excluded.${quoteColumn(column)}`);
  const action = updates.length === 0 ? 'nothing' : `update set ${updates.join(', ')}`;
  return `${insert} on conflict (${table.primaryKeys.map(quoteColumn).join(', ')}) do ${action}`;
}

/**
 * Writes rows with as few statements as the bad ones among them allow: a statement that fails for its data is halved until
 * the bad rows fail alone.
 *
 * @param write runs one statement for some positions; it is atomic
 * @param settle is told the outcome of positions
 */
export async function writeBisecting(
  positions: readonly number[],
  write: (positions: readonly number[]) => Promise<SqlResult<unknown>>,
  settle: (positions: readonly number[], outcome: ImportOutcome) => void,
): Promise<void> {
  const result = await write(positions);
  if (!('error' in result)) {
    settle(positions, ACCEPTED);
  } else if (!result.error.mayBeOneRecord || positions.length === 1) {
    settle(positions, refused(result.error.failure));
  } else {
    // One half after the other: both may hold the same key, and the first in order wins.
    const half = Math.ceil(positions.length / 2);
    await writeBisecting(positions.slice(0, half), write, settle);
    await writeBisecting(positions.slice(half), write, settle);
  }
}

export const ACCEPTED: ImportOutcome = { statusCode: 200 };

export function refused(failure: Failure): ImportOutcome {
  return { statusCode: failure.source === 'connection' ? 403 : 422, failures: [failure] };
}

export const unusableFailure: Failure = {
  code: codes.invalid_record.code,
  message: 'Only an object with at least one member can become a row.',
  source: 'resource',
  classification: 'value',
};
