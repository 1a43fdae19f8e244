import type { TryOutReplyOf, TryOutTaskOf } from '#contracts';
import type { Export } from '#model';
import { type ExportAnswer, exportAnswer } from './answers.js';
import type { PagedExport, PagedExportState, PagedProgress, PagedStates } from './paged-states.js';
import { readTask, type StepPlan } from './tasks.js';

type ReadTask = TryOutTaskOf<'read'>;
type ReadReply = TryOutReplyOf<'read'>;

/** One page of an export. */
export interface PageAnswer extends ExportAnswer {
  /** for the next page; absent when reading ended early: the same page can be asked for again */
  readonly pagedExportState?: PagedExportState;
}

/** Exports read page by page, each page by a request of its own: where to go on lives with the caller. */
export class PagedReads {
  /** @param now epoch milliseconds */
  constructor(
    private readonly states: PagedStates,
    private readonly now: () => number,
  ) {}

  /**
   * @param state as the last answer gave it; absent: the first page
   * @param read has an executor do it
   * @throws ApiError 422 `invalid_paged_state`
   */
  async page(
    accountId: string,
    step: StepPlan<Export>,
    state: PagedExportState | undefined,
    read: (task: ReadTask) => Promise<ReadReply>,
  ): Promise<PageAnswer> {
    const of = pagedExportOf(accountId, step.step);
    const progress = state === undefined ? null : this.states.read(of, state);
    const pageIndex = state?.pageIndex ?? 0;
    const task = goingOn({ ...readTask(step, this.now()), pageIndex }, progress);
    const reply = await read(task);
    const answer = exportAnswer(reply);
    if (reply.endedEarly) return answer;
    const next: PagedProgress | null =
      reply.next === null ? null : { next: reply.next, runId: task.runId, startedAt: task.currentExportDateTime };
    return { ...answer, pagedExportState: this.states.issue(of, pageIndex + 1, next) };
  }
}

function pagedExportOf(accountId: string, { _id, name: _name, ...definition }: StepPlan<Export>['step']): PagedExport {
  return {
    accountId,
    connectionId: definition._connectionId ?? '',
    definition,
    pageSize: pageSizeOf(definition),
  };
}

function goingOn(task: ReadTask, progress: PagedProgress | null): ReadTask {
  if (progress === null) return task;
  return { ...task, from: progress.next, runId: progress.runId, currentExportDateTime: progress.startedAt };
}

/** Reference: resources §4.2. */
function pageSizeOf({ pageSize }: Pick<Export, 'pageSize'>): number {
  return pageSize !== undefined && pageSize > 0 ? pageSize : 20;
}
