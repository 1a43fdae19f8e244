import type { SandboxLimits } from './limits.js';
import { hostFailure } from './protocol.js';

/** A function of `integrator-api` that a script called. */
export interface HostCall {
  /** `<object>.<function>`; hostile, like everything that a script says */
  readonly name: string;
  /** JSON of the array of arguments */
  readonly values: string;
}

/**
 * What the platform does for the functions of one run; the run is theirs, whatever a script says.
 *
 * @param signal aborted when nobody waits any more: the script ran out of time, or the run was canceled
 * @returns JSON, or undefined when the call gives nothing
 * @throws HostCallError thrown in the script, with its code
 */
export type Host = (call: HostCall, signal: AbortSignal) => Promise<string | undefined>;

/** Why a host call failed, as the script sees it. */
export class HostCallError extends Error {
  override readonly name = 'HostCallError';

  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** @returns the outcome as text, whatever happens; see `HostAnswerRequest` */
export async function hostOutcome(
  host: Host | undefined,
  call: HostCall,
  signal: AbortSignal,
  { maxOutputBytes }: SandboxLimits,
): Promise<string> {
  if (host === undefined) return hostFailure('not_supported', `${call.name} cannot be called here.`);
  try {
    const json = await host(call, signal);
    if (json === undefined) return '[1]';
    if (Buffer.byteLength(json) <= maxOutputBytes) return `[0,${json}]`;
    return hostFailure('response_size_exceeded', `${call.name} gives more than ${maxOutputBytes} bytes of JSON.`);
  } catch (error) {
    if (error instanceof HostCallError) return hostFailure(error.code, error.message);
    if (signal.aborted) return hostFailure('canceled', `Nobody waits for ${call.name} any more.`);
    return hostFailure('internal_error', error instanceof Error ? error.message : String(error));
  }
}
