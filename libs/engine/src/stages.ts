import type { Failure } from '#failures';
import type { JsonValue } from '#model';

/** Where a record is on its way through a step. Reference: runtime §21. */
export type StageName =
  | 'transform'
  | 'responseTransform'
  | 'outputFilter'
  | 'preSavePageHook'
  | 'inputFilter'
  | 'preMapHook'
  | 'mapping'
  | 'postMapHook'
  | 'responseMap'
  | 'postResponseMapHook'
  /** output: indices of the branches taken */
  | 'router';

/** One record, or one child of it, at one stage. */
export interface StageEntry {
  /** of the record in its page */
  readonly index: number;
  readonly input?: JsonValue;
  /** Absent: it went no further. */
  readonly output?: JsonValue;
  readonly failures?: readonly Failure[];
}

/** What a page was before and after one stage of a step; a stage that the step does not have is not reported. */
export interface StageReport {
  /** of the export, import or router */
  readonly stepId: string;
  readonly name: StageName;
  readonly entries: readonly StageEntry[];
}

/** For people who try a flow out. Absent in runs, which then pay one comparison per page and stage. */
export type StageWatch = (report: StageReport) => void;
