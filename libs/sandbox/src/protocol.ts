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

/** Body of `calls`: a line of options per call. Of `call-each`: a line of common options, and one with an array of each record's. */
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
  /**
   * Body: a line of logs, and lines of outcomes, as the glue answers: of `calls` a line per call, possibly for the first of
   * them only; of `call-each` a single line.
   */
  | { readonly id: number; readonly kind: 'answered' }
  | { readonly id: number; readonly kind: 'failed'; readonly code: string; readonly message: string }
  /** A function waits for the platform. Body: its arguments, a JSON array. */
  | HostCallHead
  /** The process does not hold the script's content (any more). */
  | { readonly id: number; readonly kind: 'content-missing' };

/** Functions of `integrator-api` that functions of flows may call. Reference: runtime §16.2. */
export const hostFunctionNames = [
  'connections.run',
  'connections.runVirtual',
  'exports.run',
  'exports.runVirtual',
  'exports.runVirtualWithPaging',
  'flows.run',
  'imports.run',
  'imports.runVirtual',
  'request',
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
