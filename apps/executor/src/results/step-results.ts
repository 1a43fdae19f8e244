import type { Blobs } from '#blobs';
import type { GeneratorResult, PagesResult, RunFinished } from '#contracts';
import type { Stream } from '#stream';
import { traceHeader } from '../delivery/work-header.js';
import type { EncodedErrors } from '../workers/protocol.js';

/** Events stay well below what a Kafka broker takes by default (1 MB). */
const maxEventBytes = 512 * 1024;

/**
 * Produces step results. Errors arrive as JSON text and are only concatenated here; large retry records are stored first,
 * so that no event names a blob that does not exist.
 */
export class StepResults {
  constructor(
    private readonly stream: Pick<Stream, 'produce'>,
    private readonly blobs: Pick<Blobs, 'put'>,
  ) {}

  /** Resolves when the events of a run are durable, in this order; without any, at once. */
  async tell(runId: string, events: readonly string[], traceparent: string | undefined): Promise<void> {
    if (events.length === 0) return;
    const headers = traceparent === undefined ? {} : { headers: { [traceHeader]: traceparent } };
    await this.stream.produce(
      'step-results',
      events.map((event) => ({ key: runId, value: Buffer.from(event), ...headers })),
    );
  }

  /**
   * Events of what one delivery of a bundle did, the one that counts last.
   *
   * @param attempt the delivery's: errors beyond the first event travel under ids of their own with nothing to count, and
   *   another try may have others
   */
  async ofPages(result: Omit<PagesResult, 'errors'>, errors: EncodedErrors, attempt: number): Promise<string[]> {
    await this.#store(errors);
    const [first, ...rest] = chunksOf(errors.events);
    const { routers: _counted, ...uncounted } = result;
    const more = rest.map((events, i) =>
      eventText(
        { ...uncounted, resultId: `${result.resultId}#${attempt}.${i + 1}`, pages: 0, forked: 0, steps: [] },
        events,
      ),
    );
    return [...more, eventText(result, first ?? [])];
  }

  /** @param finished that the run is over with this, if it is known */
  async generator(
    result: Omit<GeneratorResult, 'errors'>,
    errors: EncodedErrors,
    traceparent: string | undefined,
    finished: RunFinished | null = null,
  ): Promise<void> {
    await this.#store(errors);
    // Totals are absolute, so repeating them with every part is harmless.
    const [first, ...rest] = chunksOf(errors.events);
    const events = [eventText(result, first ?? []), ...rest.map((part) => eventText(result, part))];
    await this.tell(result.runId, [...events, ...(finished ? [eventText(finished, null)] : [])], traceparent);
  }

  async #store(errors: EncodedErrors): Promise<void> {
    await Promise.all(errors.blobs.map(({ key, json }) => this.blobs.put(key, Buffer.from(json))));
  }
}

/** @param errors null: what is told has none */
export function eventText(
  result: Omit<PagesResult, 'errors'> | Omit<GeneratorResult, 'errors'> | RunFinished,
  errors: readonly string[] | null,
): string {
  const json = JSON.stringify(result);
  return errors === null ? json : `${json.slice(0, -1)},"errors":[${errors.join(',')}]}`;
}

function chunksOf(events: readonly string[]): string[][] {
  const chunks: string[][] = [];
  let open: string[] = [];
  let bytes = 0;
  for (const event of events) {
    const size = Buffer.byteLength(event) + 1;
    if (open.length > 0 && bytes + size > maxEventBytes) {
      chunks.push(open);
      open = [];
      bytes = 0;
    }
    open.push(event);
    bytes += size;
  }
  if (open.length > 0) chunks.push(open);
  return chunks;
}
