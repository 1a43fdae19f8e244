import type { SandboxLimits } from '#sandbox';
import type { AbandonTask, AggregateTask, BundleTask, Control, SliceTask, TryOutTask } from './protocol.js';

/** A call of a worker's method, as it crosses the thread's border. */
export type WorkerCall =
  | { readonly method: 'readSlice'; readonly task: SliceTask }
  | { readonly method: 'runBundle'; readonly task: BundleTask }
  | { readonly method: 'abandonBundle'; readonly task: AbandonTask }
  | { readonly method: 'aggregate'; readonly task: AggregateTask }
  | { readonly method: 'tryOut'; readonly task: TryOutTask }
  | { readonly method: 'isStackCallOpen'; readonly task: string }
  | { readonly method: 'control'; readonly task: Control };

/** What a worker thread is started with. */
export interface WorkerThreadData {
  readonly egressAllow: readonly string[];
  readonly filesystemRoot?: string;
  readonly keyring?: string;
  readonly residentBytes: number;
  readonly instance: string;
  /** limits of users' scripts that differ from the defaults */
  readonly scripts: Partial<SandboxLimits>;
}
