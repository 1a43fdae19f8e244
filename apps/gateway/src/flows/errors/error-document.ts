import type { StepError } from '#model';
import type { StepErrorRow } from '#store';

/** An error as clients read it. Reference: errors §2. */
export function toStepError(row: StepErrorRow): StepError {
  const given: Record<string, unknown> = {
    errorId: row.errorId,
    occurredAt: row.occurredAt,
    source: row.source,
    code: row.code,
    message: row.message,
    traceKey: row.traceKey,
    exportDataURI: row.exportDataURI,
    importDataURI: row.importDataURI,
    oIndex: row.oIndex,
    retryDataKey: row.retryDataKey,
    retriable: row.retriable,
    _flowJobId: row.flowJobId,
    classification: row.classification,
    classifiedBy: row.classifiedBy,
    reqAndResKey: row.reqAndResKey,
    purgeAt: row.purgeAt,
    traceId: row.traceId,
    warning: row.warning ? true : null,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null)) as unknown as StepError;
}
