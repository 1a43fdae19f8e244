/** What users' functions may use. Every figure bounds hostile code (P7) or keeps it from harming others (P5). */
export interface SandboxLimits {
  /** MB of heap of one script's isolate; V8 ends a script that needs more */
  readonly isolateMemoryMb: number;
  /** MB of resident memory of an account's process, for what V8's limit does not see; it is ended beyond */
  readonly processMemoryMb: number;
  /** milliseconds of one call, and of loading a script */
  readonly callMs: number;
  /** milliseconds of all calls for the records of one page */
  readonly pageMs: number;
  /** bytes of JSON that one call may return. Reference: runtime §16.3 (`maxResponseSize`). */
  readonly maxOutputBytes: number;
  /** calls of the platform that one call of a function may make; what they carry is bounded by `maxOutputBytes` */
  readonly maxHostCalls: number;
  /** log lines that one crossing may write */
  readonly maxLogLines: number;
  /** characters of all log lines of one crossing */
  readonly maxLogChars: number;
  /** scripts of one account that run at the same time */
  readonly concurrency: number;
  /** isolates that an account's process keeps */
  readonly maxIsolates: number;
  /** module instances (one per run, step and hook) that an isolate keeps */
  readonly maxInstances: number;
  /** processes kept for accounts that have no call in flight */
  readonly maxIdleProcesses: number;
  /** milliseconds without a call after which an account's process ends */
  readonly idleMs: number;
  /** milliseconds: a script that killed its isolate or process twice within them is not run for as long again */
  readonly quarantineMs: number;
}

const megabyte = 1024 * 1024;

/** Fills in what is not given. */
export function sandboxLimits(given: Partial<SandboxLimits> = {}): SandboxLimits {
  return {
    isolateMemoryMb: 128,
    processMemoryMb: 640,
    callMs: 30_000,
    pageMs: 60_000,
    maxOutputBytes: 5 * megabyte,
    maxHostCalls: 100,
    maxLogLines: 200,
    maxLogChars: 64 * 1024,
    concurrency: 2,
    maxIsolates: 16,
    maxInstances: 16,
    maxIdleProcesses: 4,
    idleMs: 60_000,
    quarantineMs: 60_000,
    ...given,
  };
}

/** Characters of one log line; the rest is cut. */
export const maxLogLineChars = 4_000;

/** Outputs of all calls of a page together, as a multiple of {@link SandboxLimits.maxOutputBytes}. */
export const pageOutputFactor = 4;
