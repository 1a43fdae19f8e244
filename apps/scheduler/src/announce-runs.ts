import type { Bus } from '#bus';
import { TurnBatch } from '#lanes/turn-batch';
import { offers, queuedRuns, type QueuedRun } from '#contracts';

/** Asks that a queued run be looked at now. */
export type AnnounceRun = (run: QueuedRun) => void;

/** An item takes about 100 bytes, and an offer 64 KB. */
const runsPerOffer = 200;

export function runAnnouncer(bus: Pick<Bus, 'offer'>): AnnounceRun {
  const batch = new TurnBatch<QueuedRun>(
    (runs) => bus.offer(offers.runsQueued, Buffer.from(queuedRuns.encode({ v: 1, runs: [...runs] })).toString()),
    runsPerOffer,
  );
  return (run) => batch.add(run);
}
