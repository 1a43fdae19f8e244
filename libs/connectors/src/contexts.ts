import type { PreparedRecord } from '#engine';
import type { JsonRecord, JsonValue } from '#model';
import type { StepContext } from './ports.js';
import type { Template } from './templates.js';

/**
 * Root names of templates by place. Reference: handlebars §3. Fields of the record are spread over the top level only for
 * templates that read a name which is none of these, because the copy costs more than most renderings.
 */
const KNOWN_ROOTS = new Set([
  'record',
  'rows',
  'data',
  '0',
  'batch_of_records',
  'lookup',
  'recordLookupError',
  'settings',
  'connection',
  'import',
  'export',
  'job',
  'templateVersion',
  'testMode',
  'previous_page',
  'lastExportDateTime',
  'currentExportDateTime',
  'lastExportDateTimeUTC',
  'exportStartTime',
  'hashOptions',
  'hmacOptions',
]);

/** Whether any of the templates reads bare field names, as templates of the first generation do. */
export function readsBareFields(templates: readonly (Template | null)[]): boolean {
  return templates.some((template) => template !== null && [...template.roots].some((root) => !KNOWN_ROOTS.has(root)));
}

/** What is the same for all records of a step: settings, connection, job. */
export function stepRoots(
  context: StepContext,
  connection: JsonRecord,
  scope: 'export' | 'import',
  step: JsonRecord,
): JsonRecord {
  return {
    [scope]: step,
    connection,
    settings: {
      ...context.settings,
      connection: context.connection.settings ?? {},
      [scope]: step['settings'] ?? {},
    },
    job: { ...context.run.job, parentJob: context.run.job },
    testMode: context.run.testMode,
  };
}

/**
 * Root of an import's templates for one record.
 *
 * @param lookups values of its dynamic lookups
 */
export function importContext(
  roots: JsonRecord,
  value: JsonValue,
  bareFields: boolean,
  lookups: JsonRecord = {},
): JsonRecord {
  const base = {
    ...roots,
    '0': value,
    data: listWithFields(value),
    lookup: lookups,
    recordLookupError: null,
    templateVersion: 1,
  };
  if (Array.isArray(value)) return { ...base, rows: value };
  return bareFields && isObject(value) ? { ...value, ...base, record: value } : { ...base, record: value };
}

/**
 * Root of an import's templates for a batch. Values of dynamic lookups differ from record to record, so they stand beside
 * each of them.
 */
export function batchContext(
  roots: JsonRecord,
  values: readonly JsonValue[],
  lookups: readonly (JsonRecord | undefined)[] = [],
): JsonRecord {
  return {
    ...roots,
    data: values,
    batch_of_records: values.map((value, at) => ({
      ...(Array.isArray(value) ? { rows: value } : { record: value }),
      ...(lookups[at] === undefined ? {} : { lookup: lookups[at] }),
    })),
    lookup: {},
    templateVersion: 1,
  };
}

/** Root of a lookup's templates for one record. */
export function lookupContext(roots: JsonRecord, prepared: PreparedRecord, bareFields: boolean): JsonRecord {
  const { record } = prepared;
  if (Array.isArray(record)) return { ...roots, rows: record, data: [record] };
  const data = isObject(record) ? { ...record, _INITDATA: record } : record;
  return bareFields && isObject(record) ? { ...record, ...roots, record, data } : { ...roots, record, data };
}

/** `data.0.id` and `data.id` both occur in old flows (handlebars §2): a list of one that also carries the record's fields. */
function listWithFields(value: JsonValue): JsonValue {
  if (!isObject(value)) return [value];
  const list = [value] as unknown as Record<string, unknown>;
  for (const key of Object.keys(value)) {
    if (key !== '__proto__' && key !== 'length' && !/^\d+$/.test(key)) list[key] = value[key];
  }
  return list as unknown as JsonValue;
}

function isObject(value: JsonValue): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
