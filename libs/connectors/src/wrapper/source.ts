import type { LookupOutcome, PreparedRecord } from '#engine';
import type { Failure } from '#failures';
import type { Export, JsonValue } from '#model';
import { mapConcurrently } from '../concurrent.js';
import {
  type ConnectorHost,
  type Cursor,
  type LookupSource,
  type Source,
  type SourceChunk,
  SourceError,
  type StepContext,
} from '../ports.js';
import { MAX_RECORD_BYTES } from '../records.js';
import { assertRunnable, readPage, type WrapperPosition } from './read-page.js';

type StoredExport = Export & { readonly _id: string };

const start: WrapperPosition = { repeats: 0 };

/** A page generator that a stack's function implements: called until it says that a page is the last. */
export class WrapperSource implements Source {
  /** @throws PlatformError when the export cannot be run as it is configured */
  constructor(
    private readonly step: StoredExport,
    private readonly host: ConnectorHost,
  ) {
    assertRunnable(step);
  }

  async *read(cursor: Cursor | null, context: StepContext): AsyncIterable<SourceChunk> {
    let position: WrapperPosition | null = cursor === null ? start : (cursor as unknown as WrapperPosition);
    while (position !== null) {
      const page = await readPage(this.step, this.host, context, position);
      if ('failure' in page) throw new SourceError(page.failure);
      position = page.next;
      yield {
        records: page.records,
        failures: page.failures,
        bytes: page.bytes,
        next: position as Cursor | null,
      };
    }
  }
}

/** Records of one page asked for at a time; the connection's permits bound them further. */
const maxConcurrent = 16;

/** A lookup that a stack's function implements: called for each record, whose data it gets. */
export class WrapperLookup implements LookupSource {
  /** @throws PlatformError when the lookup cannot be run as it is configured */
  constructor(
    private readonly step: StoredExport,
    private readonly host: ConnectorHost,
  ) {
    assertRunnable(step);
  }

  lookup(records: readonly PreparedRecord[], context: StepContext): Promise<readonly LookupOutcome[]> {
    return mapConcurrently(records, maxConcurrent, (record) => this.#one(record, context));
  }

  async #one({ mapped }: PreparedRecord, context: StepContext): Promise<LookupOutcome> {
    const data: JsonValue[] = [];
    let bytes = 0;
    let position: WrapperPosition | null = start;
    while (position !== null) {
      const page = await readPage(this.step, this.host, context, position, { data: mapped });
      if ('failure' in page) return failed([page.failure]);
      if (page.failures.length > 0) return failed(page.failures);
      bytes += page.bytes;
      if (bytes > MAX_RECORD_BYTES) return failed([tooLarge]);
      data.push(...page.records);
      position = page.next;
    }
    return { statusCode: 200, data };
  }
}

function failed(failures: readonly Failure[]): LookupOutcome {
  return { statusCode: failures[0]?.source === 'connection' ? 403 : 422, data: [], failures };
}

const tooLarge: Failure = {
  code: 'response_size_exceeded',
  message: `The lookup found more than ${MAX_RECORD_BYTES} bytes for one record.`,
  source: 'lookup',
  classification: 'too_large',
};
