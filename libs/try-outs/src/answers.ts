import type { TryOutReason, TryOutReplyOf } from '#contracts';
import { problemOf } from './problems.js';

/** Records of an export. Reference: resources §4.1. */
export interface ExportAnswer {
  readonly data: unknown[];
  readonly dataURIs?: string[];
  /** records that failed, and why reading ended early */
  readonly errors?: TryOutReason[];
}

export function exportAnswer({ data, dataURIs, errors }: TryOutReplyOf<'read'>): ExportAnswer {
  return {
    data,
    ...(dataURIs === undefined ? {} : { dataURIs }),
    ...(errors.length === 0 ? {} : { errors: errors.map(problemOf) }),
  };
}
