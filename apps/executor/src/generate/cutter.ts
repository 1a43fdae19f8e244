import type { JsonValue } from '#model';

/** Cuts pages from a source's records. Where it cuts depends on the records alone, never on how they arrived. */
export interface Cutter {
  /** What a reader that goes on later has to be given. */
  readonly carried: readonly JsonValue[];
  /**
   * @param chunkBytes size of the response that held the records
   * @param breaksGroup whether the records begin something new, a file, into which no group goes on
   */
  push(records: readonly JsonValue[], chunkBytes: number, breaksGroup: boolean): CutChunk;
  /** The last, incomplete page; null when there is none. */
  flush(): readonly JsonValue[] | null;
  /** Drops the open page: nothing more is generated. */
  discard(): void;
}

export interface CutChunk {
  /** complete pages, in order */
  readonly pages: readonly (readonly JsonValue[])[];
  /** records over the limit, left out */
  readonly tooLarge: readonly { readonly bytes: number }[];
}
