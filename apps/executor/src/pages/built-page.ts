import type { BuiltRequests, Destination } from '#connectors';
import { plainImportAt, type PageRecord, type PlainImport, type RunContext } from '#engine';
import type { LoadedPlan, LoadedStep } from '../workers/loaded-plan.js';

/** What an import will send of a page. */
export interface BuiltImport {
  readonly stepId: string;
  readonly requests: BuiltRequests;
  /** records that the import's filter passes over */
  readonly ignored: number;
  /** the time, epoch ms, that filter and mapping saw: whoever repeats them gets the same */
  readonly atMs: number;
}

/**
 * A page that is held as the requests that its import will send of it: they are built while its records are young, so that
 * no collection of garbage ever has to copy or mark those.
 */
export interface BuiltPage {
  readonly page: number;
  readonly built: BuiltImport;
  /** The records again, from the text of their bundle. */
  readonly records: () => readonly PageRecord[];
}

/** Builds the requests of pages that stand at the entry of their flow, where its import needs nothing but their records. */
export class PageBuilder {
  /** @returns null for a generator whose records have to be seen when their page's turn has come */
  static of({ flow, destinations, flagWriters }: LoadedPlan, exportId: string): PageBuilder | null {
    if (flagWriters.has(exportId)) return null;
    const plain = plainImportAt(flow, flow.program.entry);
    const step = plain && destinations.get(plain.stepId);
    return step?.port.build === undefined ? null : new PageBuilder(plain!, step);
  }

  private constructor(
    private readonly plain: PlainImport,
    private readonly step: LoadedStep<Destination>,
  ) {}

  /** @returns null for a page that has to take its ordinary way */
  async build(records: readonly PageRecord[], run: RunContext): Promise<BuiltImport | null> {
    const atMs = run.nowMs();
    const page = this.plain.prepare(records, atTime(run, atMs));
    const requests = page && (await this.step.port.build!(page.prepared, this.step.connection));
    return requests && { stepId: this.plain.stepId, requests, ignored: page.ignored, atMs };
  }
}

/** The context of a run as it was at a moment. */
export function atTime(run: RunContext, atMs: number): RunContext {
  return { ...run, nowMs: () => atMs };
}

/** Bytes that a built page holds. */
export function bytesOf({ requests }: BuiltImport): number {
  return requests.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0);
}
