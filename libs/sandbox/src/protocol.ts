/**
 * What crosses between a worker and the process that runs the scripts of one account. The process is not trusted: a
 * script that breaks out of V8 would speak for it, so what arrives is checked and bounded again.
 */

/** Names the module instance that a call runs in. */
export interface InstanceKey {
  readonly scriptId: string;
  /** hash of the content, which travels once */
  readonly content: string;
  /** run, step and hook. Reference: runtime §16.2. */
  readonly instance: string;
  readonly functionName: string;
  /** epoch ms until which `console.debug` is kept */
  readonly debugUntilMs: number;
}

/** Body of `calls`: lines of options, one per call. Of `call-each`: common options, a line feed, and an array of each record's. */
export interface CallRequest extends InstanceKey {
  readonly kind: 'calls' | 'call-each';
  readonly id: number;
}

/** Body: the script's JavaScript. */
export interface ContentRequest {
  readonly kind: 'content';
  readonly content: string;
}

/** Body: the outcome of a host call, `[0,<json>]`, `[1]` for undefined, or {@link hostFailure}. */
export interface HostAnswerRequest {
  readonly kind: 'host-answer';
  readonly id: number;
  readonly sequence: number;
}

export type Request = CallRequest | ContentRequest | HostAnswerRequest;

export interface HostCallHead {
  /** of the call that it is made in */
  readonly id: number;
  readonly kind: 'host-call';
  /** counts the host calls of a process; a call makes one at a time, so that a later one says that nobody waits for the one before */
  readonly sequence: number;
  readonly name: string;
}

export type ReplyHead =
  /** The process has started. */
  | { readonly id: 0; readonly kind: 'ready' }
  /** Body: `<logs>\n[<outcome>,…]` as the glue answers; of `calls`, possibly for the first of them only. */
  | { readonly id: number; readonly kind: 'answered' }
  | { readonly id: number; readonly kind: 'failed'; readonly code: string; readonly message: string }
  /** A function waits for the platform. Body: its arguments, a JSON array. */
  | HostCallHead
  /** The process does not hold the script's content (any more). */
  | { readonly id: number; readonly kind: 'content-missing' };

/** Functions of `integrator-api` that functions of flows may call. Reference: runtime §16.2. */
export const hostFunctionNames = [
  'exports.run',
  'exports.runVirtual',
  'flows.run',
  'imports.run',
  'imports.runVirtual',
  'state.get',
  'state.put',
  'state.delete',
  'state.find',
] as const;
export type HostFunctionName = (typeof hostFunctionNames)[number];

/** The outcome of a host call that failed. */
export function hostFailure(code: string, message: string): string {
  return JSON.stringify([2, { code, message: message.slice(0, 4_000) }]);
}

/** Last words (stderr) of a process that used more memory than it may. */
export const memoryMark = 'millrace: memory limit\n';

/** Last words of a process in which V8 does not end a script. @param callId the call that does not end */
export const stuckMark = (callId: number): string => `millrace: stuck ${callId}\n`;
export const stuckPattern = /^millrace: stuck (\d+)$/m;

const prefixBytes = 8;

/** A frame: two lengths (unsigned 32 bit, little endian), a JSON head, a UTF-8 body. */
export function encodeFrame(head: Request | ReplyHead, body: string): Buffer {
  const headBytes = Buffer.from(JSON.stringify(head));
  const bodyLength = Buffer.byteLength(body);
  const frame = Buffer.allocUnsafe(prefixBytes + headBytes.length + bodyLength);
  frame.writeUInt32LE(headBytes.length, 0);
  frame.writeUInt32LE(bodyLength, 4);
  headBytes.copy(frame, prefixBytes);
  frame.write(body, prefixBytes + headBytes.length);
  return frame;
}

export interface Frame {
  readonly head: string;
  readonly body: string;
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #held = 0;
  /** bytes of the frame that is arriving; null until its lengths are known */
  #wanted: number | null = null;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @throws Error when a frame is larger than it may be */
  push(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    const frames: Frame[] = [];
    for (;;) {
      if (this.#wanted === null) {
        if (this.#held < prefixBytes) return frames;
        const start = this.#joined();
        this.#wanted = prefixBytes + start.readUInt32LE(0) + start.readUInt32LE(4);
        if (this.#wanted > this.#maxBytes) throw new Error(`A frame of ${this.#wanted} bytes is too large.`);
      }
      if (this.#held < this.#wanted) return frames;
      frames.push(this.#take(this.#wanted));
      this.#wanted = null;
    }
  }

  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!;
  }

  #take(bytes: number): Frame {
    const joined = this.#joined();
    const bodyAt = prefixBytes + joined.readUInt32LE(0);
    const rest = joined.subarray(bytes);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#held = rest.length;
    return { head: joined.toString('utf8', prefixBytes, bodyAt), body: joined.toString('utf8', bodyAt, bytes) };
  }
}
