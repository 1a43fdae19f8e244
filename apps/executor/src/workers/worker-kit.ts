import type { Adaptor, Clock } from '#connectors';
import type { CompileFlow, Functions, RunPage } from '#engine';
import type { FunctionScope } from '#sandbox';
import type { Notice } from './protocol.js';

/** The engine, the adaptors and the sandbox, as a worker uses them; tests give their own. */
export interface WorkerKit {
  readonly compileFlow: CompileFlow;
  readonly runPage: RunPage;
  /** By `adaptorType` of an export or import; undefined when there is none. */
  readonly adaptorFor: (adaptorType: string) => Adaptor | undefined;
  /** Users' functions of one run. */
  readonly functionsOf: (scope: FunctionScope) => Functions;
}

/** What a worker is told when it starts. Plain data: it crosses into threads. */
export interface WorkerSettings {
  /** of the executor; absent: functions of stacks get no tokens */
  readonly instance?: string;
  /** `MILLRACE_ENCRYPTION_KEYS`; absent: no sealed secret can be opened */
  readonly keyring?: string;
  readonly egressAllow: readonly string[];
  readonly filesystemRoot?: string;
  /** Bytes of parsed pages (measured as JSON) that a worker keeps for messages it made. */
  readonly residentBytes: number;
}

/** What a worker has of its surroundings. */
export interface WorkerHost {
  readonly settings: WorkerSettings;
  readonly clock: Clock;
  /** uniform in [0, 1) */
  readonly random: () => number;
  notify(notice: Notice): void;
}
