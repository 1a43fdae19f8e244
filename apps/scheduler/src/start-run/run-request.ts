import { isRecord, type JsonRecord } from '#model';

/** What a start asked for, as stored with the job. Reference: resources §3.1. */
export interface RunRequest {
  /** Page generators to start; null, and an empty list, start all. */
  readonly exportIds: readonly string[] | null;
  /** ISO 8601; replace the delta window of the run */
  readonly startDate: string | null;
  readonly endDate: string | null;
  readonly traceparent: string | null;
  /** Parameters of the run; undefined when it was started without any, as schedules and chains do. */
  readonly input: JsonRecord | undefined;
}

export function parseRunRequest(request: JsonRecord): RunRequest {
  const ids: unknown = request['_exportIds'];
  const window = isRecord(request['export']) ? request['export'] : {};
  return {
    exportIds: Array.isArray(ids) && ids.length > 0 ? ids.filter((id) => typeof id === 'string') : null,
    startDate: textOf(window['startDate']),
    endDate: textOf(window['endDate']),
    traceparent: textOf(request['traceparent']),
    input: isRecord(request['input']) ? request['input'] : undefined,
  };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
