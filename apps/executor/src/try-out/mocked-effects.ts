import type { ImportOutcome, LookupOutcome, PageIdentity, PreparedRecord } from '#engine';
import type { Failure } from '#failures';
import { isRecord, type JsonRecord, type JsonValue } from '#model';
import { WatchedEffects, type WatchedParts } from './watched-effects.js';

export type Mocks = Readonly<Record<string, readonly unknown[]>>;

/** What an import answers in a test run unless it has a `mockResponse`. Reference: runtime §15. */
const placeholder: JsonRecord = { id: '1234567890', mockResponse: 'replace me' };

/** The world of a test run: nothing is imported, and lookups may be told what they find. Reference: runtime §21. */
export class MockedEffects extends WatchedEffects {
  constructor(
    private readonly mocks: Mocks,
    parts: WatchedParts,
  ) {
    super(parts);
  }

  override submit(
    stepId: string,
    _page: PageIdentity,
    records: readonly PreparedRecord[],
  ): Promise<readonly ImportOutcome[]> {
    const responses = this.mocks[stepId] ?? this.parts.loaded.plan.imports[stepId]?.mockResponse ?? [];
    return Promise.resolve(records.map((_, at) => outcomeOf(responses[at % Math.max(1, responses.length)])));
  }

  override lookup(
    stepId: string,
    page: PageIdentity,
    records: readonly PreparedRecord[],
  ): Promise<readonly LookupOutcome[]> {
    const data = mockedRecords(stepId, this.mocks, this.parts);
    if (data === null) return super.lookup(stepId, page, records);
    return Promise.resolve(records.map((): LookupOutcome => ({ statusCode: 200, data })));
  }
}

/** What takes the place of an export's records; null: nothing does. */
export function mockedRecords(stepId: string, mocks: Mocks, { loaded }: WatchedParts): readonly JsonValue[] | null {
  const given = Object.hasOwn(mocks, stepId) ? mocks[stepId] : undefined;
  if (given !== undefined) return given as readonly JsonValue[];
  const own = loaded.plan.exports[stepId]?.mockOutput?.page_of_records;
  return own === undefined ? null : own.map(({ record }) => record as JsonValue);
}

/** Reference: resources §5.2. */
function outcomeOf(mock: unknown): ImportOutcome {
  if (!isRecord(mock)) return { statusCode: 200, _json: placeholder };
  const { statusCode, id, ignored, dataURI, errors, _json } = mock;
  const failures = Array.isArray(errors) ? errors.filter(isRecord).map(failureOf) : [];
  return {
    statusCode: typeof statusCode === 'number' ? statusCode : failures.length > 0 ? 422 : 200,
    ...(typeof id === 'string' ? { id } : {}),
    ...(ignored === true ? { ignored } : {}),
    ...(typeof dataURI === 'string' ? { dataURI } : {}),
    ...(failures.length === 0 ? {} : { failures }),
    ...(_json === undefined ? {} : { _json: _json as JsonValue }),
  };
}

function failureOf({ code, message }: Readonly<Record<string, unknown>>): Failure {
  return {
    code: typeof code === 'string' ? code : '422',
    message: typeof message === 'string' ? message : 'An error of the mock response.',
    source: 'application',
  };
}
