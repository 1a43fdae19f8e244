import type { Delivery, OutgoingMessage } from '#bus';
import { compressBody, type PageHeader, type ResultsHeader } from '#contracts';
import { carryOn } from '../delivery/carry-on.js';
import { traceHeader, workHeaders } from '../delivery/work-header.js';
import { bundleMessage } from '../generate/slice-publisher.js';
import { continuationId } from '../work-ids.js';
import type { EncodedBundle } from '../workers/protocol.js';

/** What a try made of a bundle that may go on. */
export interface Tried {
  readonly runId: string;
  /** with the end of the generator, if the bundle was its last */
  readonly outcome: NonNullable<PageHeader['outcome']>;
  readonly continuations: readonly EncodedBundle[];
  /** its step results, as `StepResults` makes them, and the end of the generator */
  readonly events: readonly string[];
  readonly hasErrors: boolean;
}

/** Beside up to 256 page numbers, in the 4 KB that the headers of a message may have. */
const maxOutcomeLength = 1_000;

/**
 * The messages that replace a bundle which may go on, published all or none: the pages that go on, and what was counted
 * for those that do not. Of all tries only one can publish them, because the first has the same id whatever a try made of
 * the bundle; so what counts and what goes on are always of one try (P3).
 *
 * Most often the results are a few numbers in the header of the first page that goes on. With errors, or where no page
 * goes on, they are messages of their own.
 */
export function decisionOf(tried: Tried, delivery: Delivery, prefers: string): readonly OutgoingMessage[] {
  const { continuations, outcome } = tried;
  const traceparent = delivery.headers[traceHeader];
  const [first, ...rest] = continuations;
  const fits = !tried.hasErrors && JSON.stringify(outcome).length <= maxOutcomeLength;
  const bundles =
    first !== undefined && fits ? [{ ...first, header: { ...first.header, outcome } }, ...rest] : continuations;
  const results = first !== undefined && fits ? [] : resultsOf(tried, traceparent);
  const messages = [...bundles.map((bundle) => bundleMessage(bundle, traceparent, prefers)), ...results];
  return carryOn(messages, delivery);
}

function resultsOf(
  { runId, outcome, continuations, events }: Tried,
  traceparent: string | undefined,
): OutgoingMessage[] {
  return events.map((event, i) => {
    const { body, encoding } = compressBody(Buffer.from(event));
    const header: ResultsHeader = { v: 1, kind: 'results', runId, encoding };
    return {
      queue: 'work.page',
      key: runId,
      id: continuationId(outcome.resultId, i === 0 && continuations.length === 0 ? 0 : `r${i}`),
      headers: workHeaders(header, traceparent),
      body,
    };
  });
}
