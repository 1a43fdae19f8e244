import { AccountProcess, ProcessEnded } from './account-process.js';
import { readLogs, readOutcomes, type LogLine } from './answer.js';
import type { FunctionOutcome } from '#engine';
import { hostOutcome, type Host } from './host-calls.js';
import type { SandboxLimits } from './limits.js';
import type { CallRequest } from './protocol.js';
import { quarantineStrikes, type Strikes } from './strikes.js';

/** Single calls of one function that wait go together, up to so many, and up to so many characters of options. */
const maxBatchCalls = 32;
const maxBatchChars = 256 * 1024;
/** While a script works on a batch, the next one is on its way. */
const batchesPerScript = 2;
/** When the process does not say itself that a script is stuck, something is wrong with it. */
const graceMs = 10_000;

/**
 * What a script did to its isolate or process: ended the process, ran out of memory, could not be stopped otherwise; or did
 * so twice in a short time, and is not run for a while.
 */
export type IncidentReason = 'crashed' | 'memory' | 'stuck' | 'quarantined';

export interface ScriptCall {
  readonly request: Omit<CallRequest, 'id'>;
  /** the script's JavaScript */
  readonly source: string;
  /** Lines of the request's body; made when the call's turn comes, so that waiting calls hold no text. */
  readonly lines: () => readonly string[];
  /** outcomes that the call has: one, or one per record */
  readonly count: number;
  log(lines: readonly LogLine[]): void;
  /** Told of what the script did to its isolate or process, once each time. */
  report(reason: IncidentReason): void;
  /** Host calls of the function; absent: there is nothing that it may call. Calls that go together have the same. */
  readonly host?: Host | undefined;
}

interface Job extends ScriptCall {
  resolve(outcomes: readonly FunctionOutcome[]): void;
  reject(error: unknown): void;
  /** It was in flight when a process ended: it runs alone, so that the one who does it again is known. */
  isSuspect: boolean;
  /** processes that ended while it ran in them alone */
  ended: number;
  isCanceled: boolean;
}

interface Batch {
  readonly jobs: readonly Job[];
  readonly scriptId: string;
  readonly isSuspect: boolean;
}

/**
 * The calls of one account: in order per script, few scripts at a time. A process that ends under them is replaced, and
 * what was in flight runs again, one by one; the script that ends a process twice is quarantined.
 */
export class AccountScripts {
  readonly #running = new Set<Batch>();
  #queue: Job[] = [];
  #process: AccountProcess | null = null;
  #isStarting = false;
  #taught = new Set<string>();

  /** @param idle called when no call is left */
  constructor(
    private readonly accountId: string,
    private readonly limits: SandboxLimits,
    private readonly strikes: Strikes,
    private readonly idle: () => void,
  ) {}

  get isIdle(): boolean {
    return this.#running.size === 0 && this.#queue.length === 0;
  }

  /**
   * @throws AbortError when canceled, at once; what runs already ends by itself
   * @throws Error when no process can be started
   */
  run(call: ScriptCall, signal: AbortSignal): Promise<readonly FunctionOutcome[]> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(abortError());
      const cancel = (): void => {
        job.isCanceled = true;
        this.#queue = this.#queue.filter((waiting) => waiting !== job);
        reject(abortError());
        if (this.isIdle) this.idle();
      };
      signal.addEventListener('abort', cancel, { once: true });
      const job: Job = {
        ...call,
        isSuspect: false,
        ended: 0,
        isCanceled: false,
        resolve: (outcomes) => {
          signal.removeEventListener('abort', cancel);
          resolve(outcomes);
        },
        reject: (error) => {
          signal.removeEventListener('abort', cancel);
          reject(error);
        },
      };
      this.#queue.push(job);
      this.#startSoon();
    });
  }

  /** Ends the process; calls in flight fail. */
  stop(): void {
    this.#process?.stop();
    this.#process = null;
  }

  /** Lets the calls of the same tick go together. */
  #startSoon(): void {
    if (this.#isStarting) return;
    this.#isStarting = true;
    queueMicrotask(() => {
      this.#isStarting = false;
      this.#startNext();
    });
  }

  #startNext(): void {
    for (;;) {
      const first = this.#next();
      if (first === undefined) return;
      const { jobs, lines } = this.#take(first);
      const batch = { jobs, scriptId: first.request.scriptId, isSuspect: first.isSuspect };
      this.#running.add(batch);
      void this.#run(batch, lines);
    }
  }

  /** The first job that may start now. */
  #next(): Job | undefined {
    const [head] = this.#queue;
    if (head === undefined || this.#running.size === 0) return head;
    // A suspect waits until it is alone, and everybody waits behind it.
    if (head.isSuspect) return undefined;
    const batches = new Map<string, number>();
    for (const { scriptId, isSuspect } of this.#running) {
      if (isSuspect) return undefined;
      batches.set(scriptId, (batches.get(scriptId) ?? 0) + 1);
    }
    return this.#queue.find(({ request }) => {
      const running = batches.get(request.scriptId);
      return running === undefined ? batches.size < this.limits.concurrency : running < batchesPerScript;
    });
  }

  /** The job, with those waiting behind it that call the same function of the same instance, and their lines. */
  #take(first: Job): { readonly jobs: readonly Job[]; readonly lines: readonly string[] } {
    const jobs = new Set([first]);
    const lines = [...first.lines()];
    let chars = lines[0]!.length;
    if (first.request.kind === 'calls' && !first.isSuspect) {
      for (const job of this.#queue) {
        if (jobs.size === maxBatchCalls || chars >= maxBatchChars) break;
        if (job === first || !isSameCall(job, first)) continue;
        const [line] = job.lines();
        chars += line!.length;
        lines.push(line!);
        jobs.add(job);
      }
    }
    this.#queue = this.#queue.filter((job) => !jobs.has(job));
    return { jobs: [...jobs], lines };
  }

  async #run(batch: Batch, lines: readonly string[]): Promise<void> {
    const { jobs, scriptId } = batch;
    try {
      if (this.strikes.isOut(this.#name(scriptId))) this.#settle(jobs, quarantined);
      else await this.#call(batch, lines);
    } catch (error) {
      if (error instanceof ProcessEnded) this.#judge(batch, error);
      else for (const job of jobs) job.reject(error);
    } finally {
      this.#running.delete(batch);
      this.#startNext();
      if (this.isIdle) this.idle();
    }
  }

  async #call({ jobs }: Batch, lines: readonly string[]): Promise<void> {
    const { request, source, host } = jobs[0]!;
    const calls = jobs.reduce((sum, { count }) => sum + count, 0);
    const { callMs, pageMs } = this.limits;
    for (;;) {
      const process = this.#alive();
      if (!this.#taught.has(request.content)) {
        process.teach(request.content, source);
        this.#taught.add(request.content);
      }
      const answer = await process.call(request, lines, batchesPerScript * (callMs + pageMs) + graceMs, {
        maxCalls: calls * this.limits.maxHostCalls,
        answer: (call, signal) => hostOutcome(host, call, signal, this.limits),
      });
      if (answer.head.kind === 'content-missing') {
        this.#taught.delete(request.content);
        continue;
      }
      if (answer.head.kind === 'failed') {
        const { code, message } = answer.head;
        if (code === 'script_memory_exceeded') this.#strike(jobs[0]!, 'memory');
        return this.#settle(jobs, { failure: { code, message } });
      }
      return this.#deliver(jobs, answer.lines);
    }
  }

  /** A batch may be answered in part: the rest goes on. */
  async #deliver(jobs: readonly Job[], [log = '', ...lines]: readonly string[]): Promise<void> {
    const logs = readLogs(log, this.limits);
    if (logs.length > 0) jobs[0]!.log(logs);
    if (lines.length === 0 || lines.length > jobs.length)
      throw new Error('The process answered other calls than it was asked.');
    for (const [at, line] of lines.entries()) {
      const job = jobs[at]!;
      job.resolve(readOutcomes(line, job.count));
      // Whoever waits goes on with its records before those of the next call take memory, too.
      await Promise.resolve();
    }
    this.#queue.unshift(...jobs.slice(lines.length).filter(isWanted));
  }

  #settle(jobs: readonly Job[], outcome: FunctionOutcome): void {
    for (const job of jobs) job.resolve(Array.from({ length: job.count }, () => outcome));
  }

  #strike(job: Job, reason: IncidentReason): void {
    job.report(reason);
    const strikes = this.strikes.add(this.#name(job.request.scriptId));
    if (strikes === quarantineStrikes) job.report('quarantined');
  }

  #name(scriptId: string): string {
    return `${this.accountId}/${scriptId}`;
  }

  #alive(): AccountProcess {
    if (this.#process === null || this.#process.isEnded) {
      this.#process = new AccountProcess(this.limits);
      this.#taught = new Set();
    }
    return this.#process;
  }

  #judge(batch: Batch, ended: ProcessEnded): void {
    const { reason, isAlone, isCulprit } = ended;
    if (reason === 'stopped') {
      for (const job of batch.jobs) job.reject(ended);
      return;
    }
    const [first, ...others] = batch.jobs;
    const isGuilty = others.length === 0 && (isCulprit || (isAlone && reason !== 'stuck'));
    if (isGuilty) {
      this.#strike(first!, reason);
      first!.ended += 1;
      // What is stuck will be so again; a process may end for other reasons than its script.
      if (isCulprit || first!.ended > 1) {
        const fault = faults[reason];
        first!.log([{ time: Date.now(), level: 'error', message: fault.failure.message }]);
        return this.#settle(batch.jobs, fault);
      }
    }
    // Who shared a process with one that is stuck is not suspected, unless they were called together.
    for (const job of batch.jobs) job.isSuspect ||= isCulprit || reason !== 'stuck';
    this.#queue.unshift(...batch.jobs.filter(isWanted));
  }
}

function isSameCall(job: Job, { request }: Job): boolean {
  const { kind, content, instance, functionName } = job.request;
  return (
    !job.isSuspect &&
    kind === 'calls' &&
    content === request.content &&
    instance === request.instance &&
    functionName === request.functionName
  );
}

function isWanted(job: Job): boolean {
  return !job.isCanceled;
}

const fault = (code: string, message: string) => ({ failure: { code, message } });

const faults = {
  crashed: fault('script_crashed', 'The script made the JavaScript engine stop, twice.'),
  memory: fault('script_memory_exceeded', 'The script used more memory than its process may.'),
  stuck: fault('script_timeout', 'The script ran longer than it may, and had to be ended by force.'),
};

const quarantined = fault(
  'script_quarantined',
  'The script brought its sandbox down twice in a short time and is not run for a while.',
);

function abortError(): DOMException {
  return new DOMException('The run was canceled.', 'AbortError');
}
