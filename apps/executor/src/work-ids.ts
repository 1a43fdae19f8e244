import { hash } from 'node:crypto';

/** Ids of work messages are derived, so that what is published twice exists once. Reference: `libs/contracts/src/work.ts`. */

export function sliceId(runId: string, ordinal: number, slice: number): string {
  return `${runId}/${ordinal}/${slice}`;
}

export function endId(runId: string, ordinal: number): string {
  return `${runId}/${ordinal}/end`;
}

/** @param part 0, or the number of the part when one page was too large for one message */
export function bundleId(runId: string, ordinal: number, firstPage: number, part: number): string {
  return `${runId}/${ordinal}/p${firstPage}${part === 0 ? '' : `.${part}`}`;
}

/** Beyond this a continuation's id is shortened by hashing: the bus refuses ids over 500 characters. */
const maxContinuationIdLength = 300;

/** Where a page goes on after a checkpoint: the path of positions it took names it, whatever branches it went through. */
export function continuationId(messageId: string, position: number, part: number): string {
  const id = `${messageId}@${position}${part === 0 ? '' : `.${part}`}`;
  if (id.length <= maxContinuationIdLength) return id;
  const bundle = messageId.slice(0, messageId.indexOf('@'));
  return `${bundle}@h${hash('sha256', id, 'hex').slice(0, 32)}`;
}

/** Deterministic id of an error: one failure, one row, however often it is reported. */
export function errorIdOf(...parts: readonly (string | number)[]): string {
  return hash('sha256', parts.join('/'), 'hex').slice(0, 24);
}
