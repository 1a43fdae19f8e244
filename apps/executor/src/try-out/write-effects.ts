import type { PlannedRequest } from '#connectors';
import type { TryOutTaskOf } from '#contracts';
import type { ImportOutcome, PageIdentity, PreparedRecord } from '#engine';
import { WatchedEffects, type WatchedParts } from './watched-effects.js';

/** An import as far as it is wanted; what is not sent has no answer. */
export class WriteEffects extends WatchedEffects {
  readonly planned: PlannedRequest[] = [];

  constructor(
    private readonly until: TryOutTaskOf<'write'>['until'],
    parts: WatchedParts,
  ) {
    super(parts);
  }

  override async submit(
    stepId: string,
    page: PageIdentity,
    records: readonly PreparedRecord[],
  ): Promise<readonly ImportOutcome[]> {
    const { context: run, run: loadedRun, loaded } = this.parts;
    if (this.until === 'map') return records.map(() => ({ statusCode: 200 }));
    if (this.until === 'send' && !run.testMode) return super.submit(stepId, page, records);
    const { port, connection, settings } = loaded.destinations.get(stepId)!;
    const requests = await port.preview(page, records, { stepId, connection, run, settings, signal: loadedRun.signal });
    this.planned.push(...requests);
    if (this.until === 'send') return super.submit(stepId, page, records);
    const failures = new Map(requests.flatMap(({ indices, failure }) => indices.map((index) => [index, failure])));
    return records.map(({ index }): ImportOutcome => {
      const failure = failures.get(index);
      return failure === undefined ? { statusCode: 200 } : { statusCode: 422, failures: [failure] };
    });
  }
}
