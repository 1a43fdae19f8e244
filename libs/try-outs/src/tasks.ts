import type { TryOutTaskOf } from '#contracts';
import type { FlowPlan } from '#engine';
import { ApiError } from '#failures';
import { type Export, type Import, newId } from '#model';
import { tryOutCodes } from './codes.js';

/** A step with the snapshot that an executor needs for it. */
export interface StepPlan<T extends Export | Import> {
  readonly plan: FlowPlan;
  readonly step: T & { readonly _id: string };
}

const fromTheBeginning = { cursor: null, skip: 0 } as const;

/** Reads an export from its beginning: one page of its own size. @param nowMs epoch milliseconds */
export function readTask({ plan, step }: StepPlan<Export>, nowMs: number): TryOutTaskOf<'read'> {
  return {
    kind: 'read',
    plan: plan as unknown as Record<string, unknown>,
    runId: newId(nowMs),
    testMode: false,
    exportId: step._id,
    from: fromTheBeginning,
    pageIndex: 0,
    maxRecords: null,
    isWhole: false,
    lastExportDateTime: step.type === 'delta' ? (step.delta?.startDate ?? null) : null,
    currentExportDateTime: new Date(nowMs).toISOString(),
  };
}

/** Reads an export to its end. @param nowMs epoch milliseconds */
export function wholeReadTask(step: StepPlan<Export>, nowMs: number): TryOutTaskOf<'read'> {
  return { ...readTask(step, nowMs), isWhole: true };
}

/** Looks records up. @param nowMs epoch milliseconds */
export function lookupTask(
  { plan, step }: StepPlan<Export>,
  records: readonly unknown[],
  nowMs: number,
): TryOutTaskOf<'lookup'> {
  return {
    kind: 'lookup',
    plan: plan as unknown as Record<string, unknown>,
    runId: newId(nowMs),
    testMode: false,
    exportId: step._id,
    records: [...records],
    currentExportDateTime: new Date(nowMs).toISOString(),
  };
}

/** Sends records through an import. @param nowMs epoch milliseconds */
export function writeTask(
  { plan, step }: StepPlan<Import>,
  records: readonly unknown[],
  nowMs: number,
): TryOutTaskOf<'write'> {
  return {
    kind: 'write',
    plan: plan as unknown as Record<string, unknown>,
    runId: newId(nowMs),
    testMode: false,
    importId: step._id,
    until: 'send',
    records: [...records],
  };
}

/** @throws ApiError `not_a_lookup` for an export that takes no records; there are no listeners yet */
export function assertLookup({ isLookup }: Export): void {
  if (isLookup === true) return;
  throw ApiError.of(
    tryOutCodes.not_a_lookup,
    'The export takes no records: it is no lookup (isLookup), and listeners are not supported.',
    'data',
  );
}
