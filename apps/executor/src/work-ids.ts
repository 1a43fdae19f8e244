import { hash } from 'node:crypto';

/** Ids of work messages are derived, so that what is published twice exists once. Reference: `libs/contracts/src/work.ts`. */

export function sliceId(runId: string, ordinal: number, slice: number): string {
  return `${runId}/${ordinal}/${slice}`;
}

export function endId(runId: string, ordinal: number): string {
  return `${runId}/${ordinal}/end`;
}

/** One per run, whichever of its generators ended last. */
export function aggregateId(runId: string): string {
  return `${runId}/aggregate`;
}

/** @param part 0, or the number of the part when one page was too large for one message */
export function bundleId(runId: string, ordinal: number, firstPage: number, part: number): string {
  return `${runId}/${ordinal}/p${firstPage}${part === 0 ? '' : `.${part}`}`;
}

/** Of what one delivery of a message did: what it did to other records is another result. */
export function resultId(messageId: string, content: string | undefined): string {
  return content === undefined ? messageId : `${messageId}~${content}`;
}

/** Beyond this a continuation's id is shortened by hashing: the bus refuses ids over 500 characters. */
const maxContinuationIdLength = 300;

/**
 * The nth message that goes on from another. It is not named after the branch it takes: were a page routed otherwise when
 * it is delivered again, its messages would be new ones beside those of the first time. So the first of them always has
 * one name, and the batch that repeats it is refused whole.
 *
 * @param nth with `r`: of the messages that hold step results beside them
 */
export function continuationId(messageId: string, nth: number | `r${number}`): string {
  const id = `${messageId}@${nth}`;
  if (id.length <= maxContinuationIdLength) return id;
  const bundle = messageId.slice(0, messageId.indexOf('@'));
  return `${bundle}@h${hash('sha256', id, 'hex').slice(0, 32)}`;
}

/** Deterministic id of an error: one failure, one row, however often it is reported. */
export function errorIdOf(...parts: readonly (string | number)[]): string {
  return hash('sha256', parts.join('/'), 'hex').slice(0, 24);
}
