import type { PageRecord, StageEntry } from '#engine';
import { isRecord, type JsonRecord, type JsonValue } from '#model';

/**
 * By position, what came back for each record, as hooks see it. A record whose children were sent has one response made
 * of theirs (errors §4, `oneToMany_error`).
 *
 * @param entries of the stage `responseMap`
 * @param join what the successful responses of children have in common, apart from status and errors
 */
export function responsesOf(
  records: readonly PageRecord[],
  entries: readonly StageEntry[],
  join: (responses: readonly JsonRecord[]) => JsonRecord,
): JsonRecord[] {
  return records.map(({ index }) => {
    const own = entries.flatMap(({ index: at, input }) => (at === index && isRecord(input) ? [input] : []));
    const [first] = own;
    if (first === undefined) return { statusCode: 200 };
    return own.length === 1 ? shown(first) : joined(own, join);
  });
}

/** Without what says nothing; headers of answers hold cookies. */
function shown({ errors, ignored, _headers, ...response }: JsonRecord): JsonRecord {
  return {
    ...response,
    ...(ignored === true ? { ignored } : {}),
    ...(Array.isArray(errors) && errors.length > 0 ? { errors } : {}),
  };
}

function joined(responses: readonly JsonRecord[], join: (responses: readonly JsonRecord[]) => JsonRecord): JsonRecord {
  const errors = responses.flatMap(({ errors: own }) => (Array.isArray(own) ? (own as JsonValue[]) : []));
  const statusCode = errors.length > 0 ? 422 : 200;
  return shown({ statusCode, errors, ...join(responses) });
}
