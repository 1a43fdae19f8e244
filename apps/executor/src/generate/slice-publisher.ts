import type { AtomicOutcome, Bus, Delivery, OutgoingMessage } from '#bus';
import type { GenerateHeader, PageHeader } from '#contracts';
import { carryOn } from '../delivery/carry-on.js';
import { traceHeader, workHeaders } from '../delivery/work-header.js';
import { aggregateId, endId, sliceId } from '../work-ids.js';
import type { EncodedBundle, SliceResult } from '../workers/protocol.js';

const empty = new Uint8Array();

/** Which generator of which run a first slice belongs to. */
export type FirstSliceOf = Pick<GenerateHeader, 'runId' | 'accountId' | 'flowId' | 'planId' | 'exportId' | 'ordinal'>;

export function firstSliceHeader({
  runId,
  accountId,
  flowId,
  planId,
  exportId,
  ordinal,
}: FirstSliceOf): GenerateHeader {
  return {
    v: 1,
    kind: 'slice',
    runId,
    accountId,
    flowId,
    planId,
    exportId,
    ordinal,
    slice: 0,
    nextPage: 0,
    totals: { pages: 0, records: 0, ignored: 0, failed: 0 },
  };
}

/** First message of a generator: what the scheduler offers or publishes, or the end of the generator before it. */
export function firstSliceMessage(of: FirstSliceOf, traceparent: string | undefined): OutgoingMessage {
  return {
    queue: 'work.generate',
    key: of.runId,
    id: sliceId(of.runId, of.ordinal, 0),
    headers: workHeaders(firstSliceHeader(of), traceparent),
    body: Buffer.from('{"cursor":null,"carried":[]}'),
  };
}

/** Waits behind everything else of a run, to tell imports of the files that they wrote. */
export function aggregateMessage(header: GenerateHeader, traceparent: string | undefined): OutgoingMessage {
  return {
    queue: 'work.generate',
    key: header.runId,
    id: aggregateId(header.runId),
    headers: workHeaders({ ...header, kind: 'aggregate' }, traceparent),
    body: empty,
  };
}

export function bundleMessage(
  bundle: EncodedBundle,
  traceparent: string | undefined,
  prefers: string,
): OutgoingMessage {
  return {
    queue: 'work.page',
    key: bundle.header.runId,
    id: bundle.id,
    headers: workHeaders(bundle.header, traceparent),
    body: bundle.body,
    ...(bundle.isResident ? { prefers } : {}),
  };
}

/**
 * Makes a slice durable: its pages and what follows it, all or nothing. `already` means that the slice was done before,
 * and that what was read now is void.
 *
 * @param delivery of the slice's message
 * @param traceparent of the slice
 * @param isLast the generator ends with this slice and no other begins then: its last bundle carries the end, which
 *   saves a message, and for a run of one bundle the whole batch
 */
export async function publishSlice(
  bus: Pick<Bus, 'publishAtomic'>,
  delivery: Delivery,
  header: GenerateHeader,
  result: SliceResult,
  traceparent: string | undefined,
  consumerId: string,
  isLast: boolean,
): Promise<AtomicOutcome> {
  const { bundles } = result;
  if (!isLast) {
    const messages = [
      ...bundles.map((bundle) => bundleMessage(bundle, traceparent, consumerId)),
      successorMessage(header, result, delivery.headers[traceHeader], consumerId),
    ];
    return bus.publishAtomic(carryOn(messages, delivery));
  }
  const end = endOf(header, result);
  const messages = bundles.map((bundle, i) =>
    bundleMessage(
      i < bundles.length - 1 ? bundle : { ...bundle, header: { ...bundle.header, end } },
      traceparent,
      consumerId,
    ),
  );
  return bus.publishAtomic(carryOn(messages, delivery));
}

/** The end of a generator as its last bundle carries it. */
export function endOf(header: GenerateHeader, { totals, end }: SliceResult): NonNullable<PageHeader['end']> {
  return { slice: header.slice + 1, totals, complete: end === 'complete' };
}

function successorMessage(
  header: GenerateHeader,
  result: SliceResult,
  traceparent: string | undefined,
  consumerId: string,
): OutgoingMessage {
  const { runId, ordinal } = header;
  const next: GenerateHeader = {
    ...header,
    slice: header.slice + 1,
    nextPage: result.nextPage,
    totals: result.totals,
  };
  if (result.successor === null) {
    return {
      queue: 'work.generate',
      key: runId,
      id: endId(runId, ordinal),
      headers: workHeaders({ ...next, kind: 'end', complete: result.end === 'complete' }, traceparent),
      body: empty,
    };
  }
  return {
    queue: 'work.generate',
    key: runId,
    id: sliceId(runId, ordinal, next.slice),
    headers: workHeaders(next, traceparent),
    body: result.successor,
    prefers: consumerId,
  };
}
