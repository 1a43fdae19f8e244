import { generateBody, ContractError, type GenerateBody } from '#contracts';
import type { Cursor } from '#connectors';
import type { JsonValue } from '#model';
import type { FileSpan } from './file-trail.js';

/** Where a slice begins. */
export interface SliceStart {
  readonly cursor: Cursor | null;
  /**
   * The delta window's lower bound as the first slice saw it: all slices of a run read the same window, even when
   * another run of the flow advances the checkpoint meanwhile. Undefined on the first slice.
   */
  readonly lastExportDateTime: string | null | undefined;
  readonly carried: readonly JsonValue[];
  /** Files that `carried` came from; empty where nobody looks. */
  readonly files: readonly FileSpan[];
}

export const startOfSource: SliceStart = { cursor: null, lastExportDateTime: undefined, carried: [], files: [] };

/** @throws ContractError */
export function decodeSliceStart(body: Uint8Array): SliceStart {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
  } catch (cause) {
    throw new ContractError('work.generate: not JSON', { cause });
  }
  const result = generateBody.safeParse(parsed);
  if (!result.success) throw new ContractError(`work.generate: ${result.error.message}`);
  const { cursor, carried } = result.data;
  if (cursor === null) return { ...startOfSource, carried: carried as JsonValue[] };
  const { at, last, files } = cursor as { at?: Cursor | null; last?: string | null; files?: readonly FileSpan[] };
  return {
    cursor: at ?? null,
    lastExportDateTime: last ?? null,
    carried: carried as JsonValue[],
    files: files ?? [],
  };
}

export function encodeSliceStart(start: {
  readonly cursor: Cursor;
  readonly lastExportDateTime: string | null;
  readonly carried: readonly JsonValue[];
  readonly files: readonly FileSpan[];
}): Uint8Array {
  const { cursor, lastExportDateTime: last, files } = start;
  const body: GenerateBody = {
    cursor: { at: cursor, last, ...(files.length === 0 ? {} : { files }) },
    carried: start.carried as JsonValue[],
  };
  return Buffer.from(JSON.stringify(body));
}
