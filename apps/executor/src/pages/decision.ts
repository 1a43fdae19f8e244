import type { OutgoingMessage } from '#bus';
import { compressBody, type PageOutcome, type ResultsHeader } from '#contracts';
import { workHeaders } from '../delivery/work-header.js';
import { bundleMessage } from '../generate/slice-publisher.js';
import { continuationId } from '../work-ids.js';
import type { EncodedBundle } from '../workers/protocol.js';

/** What a try made of a bundle that may go on. */
export interface Tried {
  readonly runId: string;
  readonly outcome: PageOutcome;
  readonly continuations: readonly EncodedBundle[];
  /** its step results, as `StepResults` makes them */
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
export function decisionOf(tried: Tried, traceparent: string | undefined, prefers: string): readonly OutgoingMessage[] {
  const { continuations, outcome } = tried;
  const [first, ...rest] = continuations;
  const fits = !tried.hasErrors && JSON.stringify(outcome).length <= maxOutcomeLength;
  const bundles =
    first !== undefined && fits ? [{ ...first, header: { ...first.header, outcome } }, ...rest] : continuations;
  const results = first !== undefined && fits ? [] : resultsOf(tried, traceparent);
  return [...bundles.map((bundle) => bundleMessage(bundle, traceparent, prefers)), ...results];
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
