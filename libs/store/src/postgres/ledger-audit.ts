import type { RunFinished } from '#contracts';
import { runCodes } from '../codes.js';
import type { GeneratorHeadState, RunState } from './ledger-state.js';

export interface Verdict {
  readonly status: 'completed' | 'failed' | 'canceled';
  readonly failure: { readonly code: string; readonly message: string } | null;
  /** status of each child job, by id */
  readonly children: ReadonlyMap<string, 'completed' | 'failed' | 'canceled'>;
}

export interface Evidence {
  /** over all ledger rows of the run */
  readonly pages: number;
  readonly forked: number;
  /** exports that the run had to read, by its plan */
  readonly generators: readonly string[];
}

/**
 * Decides how a run ended. The database audits the broker: a page that was generated or forked and has no result is
 * never a silent success (P1).
 *
 * @param run with the heads as this batch leaves them
 */
export function audit(run: RunState, marker: RunFinished, evidence: Evidence): Verdict {
  const heads = [...run.heads.values()];
  const generated = heads.reduce((sum, { pages }) => sum + pages, 0);
  const lost = lostPages(generated, evidence) ?? silentGenerator(heads, evidence);
  // The user's cancel may cross the end of the run: it excuses missing pages, and changes nothing when all arrived.
  const canceled = marker.canceled || (run.status === 'canceling' && lost !== null);
  const failed = heads.find(({ state }) => state === 'failed');
  if (lost !== null && !canceled) {
    return verdict(run, heads, 'failed', { code: runCodes.pages_lost.code, message: lost });
  }
  if (failed) {
    const message = `The export ${failed.exportId} was not read to its end; ${failed.pages} of its pages were generated.`;
    return verdict(run, heads, 'failed', { code: runCodes.generator_failed.code, message }, canceled);
  }
  return verdict(run, heads, canceled ? 'canceled' : 'completed', null, canceled);
}

function lostPages(generated: number, { pages, forked }: Evidence): string | null {
  if (generated + forked === pages) return null;
  return `Pages generated: ${generated}, forked: ${forked}, finished: ${pages}; ${Math.abs(generated + forked - pages)} ${generated + forked > pages ? 'missing' : 'too many'}.`;
}

function silentGenerator(heads: readonly GeneratorHeadState[], { generators }: Evidence): string | null {
  const reading = heads.find(({ state }) => state === 'reading' || state === 'canceled');
  if (reading) return `The export ${reading.exportId} never reported its end; its last slice was ${reading.slice}.`;
  const absent = generators.find((exportId) => !heads.some((head) => head.exportId === exportId));
  return absent === undefined ? null : `The export ${absent} never reported anything.`;
}

function verdict(
  run: RunState,
  heads: readonly GeneratorHeadState[],
  status: Verdict['status'],
  failure: Verdict['failure'],
  canceled = false,
): Verdict {
  const children = run.children.map(({ jobId, type, stepId }, i) => {
    const isFirstOfStep = run.children.findIndex((child) => child.stepId === stepId) === i;
    const head = type === 'export' && isFirstOfStep ? heads.find(({ exportId }) => exportId === stepId) : undefined;
    if (head?.state === 'failed') return [jobId, 'failed'] as const;
    if (head?.state === 'done') return [jobId, 'completed'] as const;
    if (canceled) return [jobId, 'canceled'] as const;
    return [jobId, head ? 'failed' : 'completed'] as const;
  });
  return { status, failure, children: new Map(children) };
}
