import { AccountProcess, ProcessEnded, type Answer } from './account-process.js';
import type { SandboxLimits } from './limits.js';
import type { CallRequest } from './protocol.js';
import type { Strikes } from './strikes.js';

/** Room for V8 to heed a time-out before the process is ended by force. */
const graceMs = 3_000;

export interface ScriptCall {
  readonly request: Omit<CallRequest, 'id'>;
  /** the script's JavaScript */
  readonly source: string;
  /** Made when the call's turn comes, so that waiting calls hold no text. */
  readonly body: () => string;
}

export interface ScriptFault {
  readonly head: { readonly kind: 'failed'; readonly code: string; readonly message: string };
}

interface Job extends ScriptCall {
  resolve(answer: Answer | ScriptFault): void;
  reject(error: unknown): void;
  /** It was in flight when a process ended: it runs alone, so that the one who does it again is known. */
  isSuspect: boolean;
  isCanceled: boolean;
}

/**
 * The calls of one account: one at a time per script, few at a time per account, in order. A process that ends under
 * them is replaced, and what was in flight runs again, one by one; the script that ends a process twice is quarantined.
 */
export class AccountScripts {
  readonly #running = new Set<Job>();
  #queue: Job[] = [];
  #process: AccountProcess | null = null;
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
  run(call: ScriptCall, signal: AbortSignal): Promise<Answer | ScriptFault> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(abortError());
      const job: Job = { ...call, resolve, reject, isSuspect: false, isCanceled: false };
      const cancel = (): void => {
        job.isCanceled = true;
        this.#queue = this.#queue.filter((waiting) => waiting !== job);
        reject(abortError());
        if (this.isIdle) this.idle();
      };
      signal.addEventListener('abort', cancel, { once: true });
      job.resolve = (answer) => {
        signal.removeEventListener('abort', cancel);
        resolve(answer);
      };
      this.#queue.push(job);
      this.#startNext();
    });
  }

  /** Ends the process; calls in flight fail. */
  stop(): void {
    this.#process?.stop();
    this.#process = null;
  }

  #startNext(): void {
    for (;;) {
      const at = this.#queue.findIndex((job) => this.#mayStart(job));
      if (at === -1) return;
      const [job] = this.#queue.splice(at, 1);
      this.#running.add(job!);
      void this.#run(job!);
    }
  }

  #mayStart(job: Job): boolean {
    if (this.#running.size === 0) return true;
    // A suspect waits until it is alone, and everybody waits behind it.
    if (this.#queue[0]!.isSuspect) return false;
    for (const other of this.#running) {
      if (other.isSuspect || other.request.scriptId === job.request.scriptId) return false;
    }
    return this.#running.size < this.limits.concurrency;
  }

  async #run(job: Job): Promise<void> {
    try {
      const answer = this.strikes.isOut(this.#name(job)) ? quarantined : await this.#call(job);
      if (answer.head.kind === 'failed' && answer.head.code === 'script_memory_exceeded') {
        this.strikes.add(this.#name(job));
      }
      job.resolve(answer);
    } catch (error) {
      if (error instanceof ProcessEnded) this.#judge(job, error);
      else job.reject(error);
    } finally {
      this.#running.delete(job);
      this.#startNext();
      if (this.isIdle) this.idle();
    }
  }

  async #call({ request, source, body }: Job): Promise<Answer> {
    const { callMs, pageMs } = this.limits;
    const deadlineMs = callMs + (request.kind === 'call' ? callMs : pageMs) + graceMs;
    for (;;) {
      const process = this.#alive();
      if (!this.#taught.has(request.content)) {
        process.teach(request.content, source);
        this.#taught.add(request.content);
      }
      const answer = await process.call(request, body(), deadlineMs);
      if (answer.head.kind !== 'content-missing') return answer;
      this.#taught.delete(request.content);
    }
  }

  #name({ request }: Job): string {
    return `${this.accountId}/${request.scriptId}`;
  }

  #alive(): AccountProcess {
    if (this.#process === null || this.#process.isEnded) {
      this.#process = new AccountProcess(this.limits);
      this.#taught = new Set();
    }
    return this.#process;
  }

  #judge(job: Job, ended: ProcessEnded): void {
    if (job.isCanceled) return;
    const { reason, inFlight, isCulprit } = ended;
    if (reason === 'stopped') return job.reject(ended);
    const isGuilty = isCulprit || (reason !== 'deadline' && inFlight === 1);
    if (isGuilty) {
      const strikes = this.strikes.add(this.#name(job));
      if (isCulprit || strikes > 1) return job.resolve(faults[reason]);
    }
    job.isSuspect = reason !== 'deadline';
    this.#queue.unshift(job);
  }
}

const fault = (code: string, message: string): ScriptFault => ({ head: { kind: 'failed', code, message } });

const faults = {
  crashed: fault('script_crashed', 'The script made the JavaScript engine stop, twice.'),
  memory: fault('script_memory_exceeded', 'The script used more memory than its process may.'),
  deadline: fault('script_timeout', 'The script ran longer than it may, and had to be ended by force.'),
};

const quarantined = fault(
  'script_quarantined',
  'The script brought its sandbox down twice in a short time and is not run for a while.',
);

function abortError(): DOMException {
  return new DOMException('The run was canceled.', 'AbortError');
}
