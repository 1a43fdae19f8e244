import { spawn, type ChildProcess } from 'node:child_process';
import { setPriority } from 'node:os';
import type { Socket } from 'node:net';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeFrame, FrameReader, linesOf } from './frames.js';
import type { HostCall } from './host-calls.js';
import { pageOutputFactor, type SandboxLimits } from './limits.js';
import { permissionFlags, processEntry } from './process-files.js';
import {
  memoryMark,
  stuckPattern,
  type CallRequest,
  type ContentRequest,
  type HostAnswerRequest,
  type HostCallHead,
  type ReplyHead,
} from './protocol.js';

/** nice value: scripts use what is left of the machine, so that no script delays a worker (P5). */
const priority = 5;
/** MB of a heap's nursery: the records of a page live as long as its call, and should not be moved meanwhile. */
const v8Flags = ['--max-semi-space-size=4'];
const maxStderrChars = 2_000;
/** JSON of the largest answer is its characters in UTF-8, with logs. */
const maxBytesPerChar = 3;

export type EndReason = 'crashed' | 'memory' | 'stuck' | 'stopped';

/** The process ended with calls in flight. */
export class ProcessEnded extends Error {
  override readonly name = 'ProcessEnded';

  constructor(
    readonly reason: EndReason,
    /** whether no other call was in flight */
    readonly isAlone: boolean,
    /** whether this call could not be ended otherwise */
    readonly isCulprit: boolean,
    detail: string,
  ) {
    super(`The process of an account's scripts ended (${reason}). ${detail}`.trim());
  }
}

export interface Answer {
  readonly head: Exclude<ReplyHead, { kind: 'ready' | 'host-call' }>;
  readonly lines: readonly string[];
}

/** What a call may ask of the platform while it runs. */
export interface CallHost {
  /** host calls that all functions called may make together; a process that makes more is not ours any more */
  readonly maxCalls: number;
  /** @returns the outcome as text; never rejects */
  answer(call: HostCall, signal: AbortSignal): Promise<string>;
}

interface Pending {
  resolve(answer: Answer): void;
  reject(error: Error): void;
  readonly deadline: NodeJS.Timeout;
  readonly maxLines: number;
  readonly host: CallHost;
  hostCalls: number;
  /** ends the host call under way */
  hostCall: AbortController | null;
}

interface End {
  readonly reason: EndReason;
  /** the call that is to blame */
  readonly callId?: number;
}

/** A process that runs the scripts of one account. It starts at once and ends at any time. */
export class AccountProcess {
  readonly #child: ChildProcess;
  readonly #wire: Socket;
  readonly #reader: FrameReader;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #isReady = false;
  #isEnded = false;
  #stderr = '';
  readonly #maxHostCallChars: number;
  #endedBy: End | null = null;

  constructor(limits: SandboxLimits) {
    this.#maxHostCallChars = limits.maxOutputBytes;
    const maxFrameBytes = limits.maxOutputBytes * (pageOutputFactor + 2) * maxBytesPerChar;
    this.#reader = new FrameReader(maxFrameBytes, (head, body) => this.#settle(JSON.parse(head) as ReplyHead, body));
    this.#child = spawn(
      process.execPath,
      [...v8Flags, ...permissionFlags(), fileURLToPath(processEntry), JSON.stringify(limits)],
      {
        stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
        // Nothing of ours: the environment holds keys. Times of scripts do not depend on the machine.
        env: { TZ: 'UTC' },
        cwd: dirname(fileURLToPath(processEntry)),
      },
    );
    this.#wire = this.#child.stdio[3] as Socket;
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-maxStderrChars);
    });
    this.#wire.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#wire.on('error', () => this.#kill({ reason: 'crashed' }));
    this.#child.on('error', (error) => this.#ended(error.message));
    this.#child.on('close', () => this.#ended(this.#stderr));
    if (this.#child.pid !== undefined) lowerPriority(this.#child.pid);
    this.#hold(false);
  }

  get isEnded(): boolean {
    return this.#isEnded || this.#endedBy !== null;
  }

  /** Makes a script's content known; calls name it by hash. */
  teach(content: string, source: string): void {
    const request: ContentRequest = { kind: 'content', content };
    this.#wire.write(encodeFrame(request, [source]));
  }

  /**
   * @param deadlineMs milliseconds after which the process is ended by force
   * @throws ProcessEnded
   * @throws Error when the process could not start
   */
  call(
    request: Omit<CallRequest, 'id'>,
    lines: readonly string[],
    deadlineMs: number,
    host: CallHost,
  ): Promise<Answer> {
    const id = this.#nextId++;
    return new Promise<Answer>((resolve, reject) => {
      const deadline = setTimeout(() => this.#kill({ reason: 'stuck', callId: id }), deadlineMs);
      const maxLines = answerLines(lines.length);
      this.#pending.set(id, { resolve, reject, deadline, maxLines, host, hostCalls: 0, hostCall: null });
      this.#hold(true);
      this.#wire.write(encodeFrame({ ...request, id }, lines));
    });
  }

  stop(): void {
    this.#kill({ reason: 'stopped' });
  }

  #read(chunk: Buffer): void {
    try {
      this.#reader.push(chunk);
    } catch {
      // It does not speak our protocol any more, whoever speaks for it now.
      this.#kill({ reason: 'crashed' });
    }
  }

  #settle(head: ReplyHead, body: Buffer): void {
    if (head.kind === 'ready') {
      this.#isReady = true;
      return;
    }
    const pending = this.#pending.get(head.id);
    if (!pending) throw new Error('An answer to no call.');
    if (head.kind === 'host-call') return this.#askHost(head, body.toString(), pending);
    const lines = linesOf(body, pending.maxLines);
    this.#pending.delete(head.id);
    clearTimeout(pending.deadline);
    pending.hostCall?.abort();
    if (this.#pending.size === 0) this.#hold(false);
    pending.resolve({ head, lines });
  }

  /** The glue keeps to these bounds; a process that does not is not ours any more. @throws Error then */
  #askHost({ id, sequence, name }: HostCallHead, values: string, pending: Pending): void {
    pending.hostCalls += 1;
    const isBounded = pending.hostCalls <= pending.host.maxCalls && values.length <= this.#maxHostCallChars;
    if (!isBounded || typeof name !== 'string') throw new Error('A host call that no script can make.');
    // Scripts wait: whoever calls again gave up the call before.
    pending.hostCall?.abort();
    const abort = new AbortController();
    pending.hostCall = abort;
    void this.#answerHost({ kind: 'host-answer', id, sequence }, { name, values }, abort, pending);
  }

  async #answerHost(
    answer: HostAnswerRequest,
    call: HostCall,
    abort: AbortController,
    pending: Pending,
  ): Promise<void> {
    const outcome = await pending.host.answer(call, abort.signal);
    if (abort.signal.aborted || this.#pending.get(answer.id) !== pending) return;
    pending.hostCall = null;
    this.#wire.write(encodeFrame(answer, [outcome]));
  }

  #kill(by: End): void {
    this.#endedBy ??= by;
    this.#child.kill('SIGKILL');
  }

  #ended(detail: string): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const { reason, callId } = this.#endedBy ?? lastWords(this.#stderr);
    const isAlone = this.#pending.size === 1;
    for (const [id, pending] of this.#pending) {
      clearTimeout(pending.deadline);
      pending.hostCall?.abort();
      pending.reject(
        this.#isReady
          ? new ProcessEnded(reason, isAlone, callId === id, detail)
          : new Error(`The process for scripts did not start. ${detail}`),
      );
    }
    this.#pending.clear();
  }

  /** An idle process keeps nobody alive. */
  #hold(isBusy: boolean): void {
    const method = isBusy ? 'ref' : 'unref';
    this.#child[method]();
    this.#wire[method]();
    (this.#child.stderr as Socket)[method]();
  }
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, priority);
  } catch (error) {
    // It has ended already; its `close` event tells.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SYSTEM_ERROR') throw error;
  }
}

/** The log, and at most a line per line of options. */
function answerLines(optionLines: number): number {
  return 1 + optionLines;
}

/** Why a process ended by itself. */
function lastWords(stderr: string): End {
  if (stderr.includes(memoryMark)) return { reason: 'memory' };
  const stuck = stuckPattern.exec(stderr);
  return stuck ? { reason: 'stuck', callId: Number(stuck[1]) } : { reason: 'crashed' };
}
