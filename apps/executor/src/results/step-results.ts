import type { Blobs } from '#blobs';
import type { GeneratorResult, PagesResult, RunFinished } from '#contracts';
import type { OutgoingEvent, Stream } from '#stream';
import { traceHeader } from '../delivery/work-header.js';
import type { EncodedErrors } from '../workers/protocol.js';

/** Events stay well below what a Kafka broker takes by default (1 MB). */
const maxEventBytes = 512 * 1024;

/**
 * Produces step results. Errors arrive as JSON text and are only concatenated here. Resolves when everything is durable,
 * large retry records first, so that no event names a blob that does not exist.
 */
export class StepResults {
  constructor(
    private readonly stream: Pick<Stream, 'produce'>,
    private readonly blobs: Pick<Blobs, 'put'>,
  ) {}

  /**
   * @param after what the same delivery says of its generator and its run: it travels in the same request, in this order,
   *   behind the result
   */
  async pages(
    result: Omit<PagesResult, 'errors'>,
    errors: EncodedErrors,
    traceparent: string | undefined,
    after: { readonly end: Omit<GeneratorResult, 'errors'> | null; readonly finished: RunFinished | null },
  ): Promise<void> {
    await this.#store(errors);
    const [first, ...rest] = chunksOf(errors.events);
    // Further errors travel under ids of their own, with nothing to count.
    const { routers: _counted, ...uncounted } = result;
    const more = rest.map((events, i) =>
      eventOf(
        { ...uncounted, resultId: `${result.resultId}#${i + 1}`, pages: 0, forked: 0, steps: [] },
        events,
        traceparent,
      ),
    );
    await this.stream.produce('step-results', [
      ...more,
      eventOf(result, first ?? [], traceparent),
      ...(after.end ? [eventOf(after.end, [], traceparent)] : []),
      ...(after.finished ? [eventOf(after.finished, null, traceparent)] : []),
    ]);
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
    await this.stream.produce('step-results', [
      eventOf(result, first ?? [], traceparent),
      ...rest.map((events) => eventOf(result, events, traceparent)),
      ...(finished ? [eventOf(finished, null, traceparent)] : []),
    ]);
  }

  async #store(errors: EncodedErrors): Promise<void> {
    await Promise.all(errors.blobs.map(({ key, json }) => this.blobs.put(key, Buffer.from(json))));
  }
}

/** @param errors null: what is told has none */
function eventOf(
  result: Omit<PagesResult, 'errors'> | Omit<GeneratorResult, 'errors'> | RunFinished,
  errors: readonly string[] | null,
  traceparent: string | undefined,
): OutgoingEvent {
  const json = JSON.stringify(result);
  return {
    key: result.runId,
    value: Buffer.from(errors === null ? json : `${json.slice(0, -1)},"errors":[${errors.join(',')}]}`),
    ...(traceparent === undefined ? {} : { headers: { [traceHeader]: traceparent } }),
  };
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
