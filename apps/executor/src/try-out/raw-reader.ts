import { SourceError, type Cursor, type Source, type SourceChunk, type StepContext } from '#connectors';
import type { ReadPosition } from '#contracts';
import type { GroupKey } from '#engine';
import type { Failure } from '#failures';
import type { JsonRecord, JsonValue } from '#model';
import { FileTrail } from '../generate/file-trail.js';
import { exactJsonBytes } from '../generate/json-size.js';

export interface ReadLimits {
  /** records, or groups of them; Infinity: by bytes alone */
  readonly records: number;
  /** of records as JSON; the first record is taken whatever it weighs */
  readonly bytes: number;
  /** Adjacent records with the same key become one. Reference: runtime §7.2. */
  readonly groupKey: GroupKey | undefined;
}

export interface RawRead {
  readonly records: readonly JsonValue[];
  /** By position: the file that each came from, if the source reads files. */
  readonly fileMetas: readonly (JsonRecord | undefined)[];
  /** Records that could not be read; the source went on without them. */
  readonly failures: readonly Failure[];
  /** Why the source ended before its end. */
  readonly ended: Failure | null;
  /** null at the end of the source, and when it ended early */
  readonly next: ReadPosition | null;
}

/**
 * Reads records from a position on, up to a limit. Where it stops within a response, the position counts the records used
 * of it: whoever goes on reads that response again.
 */
export async function readRaw(
  source: Source,
  context: StepContext,
  from: ReadPosition,
  limits: ReadLimits,
): Promise<RawRead> {
  const failures: Failure[] = [];
  const gathered = new Gathered(limits);
  let at = from;
  try {
    for await (const chunk of source.read(from.cursor as Cursor | null, context)) {
      // Of a response that is read again, the first reading has told.
      if (at.skip === 0) failures.push(...chunk.failures);
      const stop = gathered.take(chunk, at);
      if (stop !== null) return { ...gathered.soFar, failures, ended: null, next: stop };
      if (chunk.next === null) break;
      at = { cursor: chunk.next, skip: 0 };
      if (gathered.needsNoMore) return { ...gathered.soFar, failures, ended: null, next: at };
    }
  } catch (error) {
    return { ...gathered.soFar, failures, ended: failureOf(error), next: null };
  }
  return { ...gathered.soFar, failures, ended: null, next: null };
}

/** What was read so far: records, or groups of adjacent ones. */
class Gathered {
  readonly records: JsonValue[] = [];
  readonly #trail = new FileTrail();
  #bytes = 0;
  #group: JsonValue[] = [];
  #key: string | null = null;
  /** where the last record, or group, begins */
  #start: ReadPosition | null = null;

  constructor(private readonly limits: ReadLimits) {}

  /** Whether there is enough without a look at what follows; a group may go on. */
  get needsNoMore(): boolean {
    return this.limits.groupKey === undefined && this.records.length >= this.limits.records;
  }

  get soFar(): Pick<RawRead, 'records' | 'fileMetas'> {
    return { records: this.records, fileMetas: this.#trail.of(this.records) };
  }

  /**
   * @returns where to go on, once there is enough
   * @throws SourceError for a group that is larger than a record may be
   */
  take(chunk: SourceChunk, at: ReadPosition): ReadPosition | null {
    const { records, breaksGroup } = chunk;
    this.#trail.note(chunk, records);
    for (const [used, record] of records.slice(at.skip).entries()) {
      const here = { cursor: at.cursor, skip: at.skip + used };
      const begins = this.#begins(record, used === 0 && breaksGroup === true);
      if (begins && this.records.length >= this.limits.records) return here;
      this.#bytes += exactJsonBytes(record) + 1;
      if (this.#bytes > this.limits.bytes && this.records.length > 0) {
        if (begins) return here;
        return this.#withoutLast();
      }
      this.#add(record, begins, here);
    }
    return null;
  }

  #begins(record: JsonValue, breaksGroup: boolean): boolean {
    const { groupKey } = this.limits;
    if (groupKey === undefined) return true;
    const key = groupKey(record);
    const goesOn = !breaksGroup && this.#start !== null && key !== null && key === this.#key;
    this.#key = key;
    return !goesOn;
  }

  #add(record: JsonValue, begins: boolean, here: ReadPosition): void {
    if (!begins) {
      this.#group.push(record);
      return;
    }
    this.#start = here;
    this.#group = [record];
    this.records.push(this.limits.groupKey === undefined ? record : this.#group);
  }

  /** A group that does not fit any more is left for the next reading, whole. */
  #withoutLast(): ReadPosition {
    this.records.pop();
    if (this.records.length > 0 && this.#start !== null) return this.#start;
    throw new SourceError({
      code: 'record_too_large',
      message: `A group of records exceeds ${this.limits.bytes} bytes.`,
      source: 'internal',
      classification: 'too_large',
    });
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof SourceError) return error.failure;
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'internal_error', message, source: 'internal' };
}
