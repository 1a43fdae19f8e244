import type { TryOutReason, TryOutReplyOf } from '#contracts';
import type { CompileFailure } from '#engine';

type RefusedReply = TryOutReplyOf<'refused'>;

/** A try-out that cannot be done; thrown where it is found out, answered as it is. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly reply: RefusedReply;

  constructor(why: RefusedReply['why'], reasons: readonly TryOutReason[]) {
    super(reasons.map(({ message }) => message).join(' '));
    this.reply = { v: 1, kind: 'refused', why, reasons: [...reasons] };
  }
}

export function refused(why: RefusedReply['why'], message: string): RefusedReply {
  return { v: 1, kind: 'refused', why, reasons: [{ code: why, message }] };
}

/** @throws Refusal that says everything that stands in the way */
export function loadedOrRefused<T extends object>(
  outcome: T | { readonly failures: readonly CompileFailure[] },
): Exclude<T, { readonly failures: readonly CompileFailure[] }> {
  if (!('failures' in outcome)) return outcome as Exclude<T, { readonly failures: readonly CompileFailure[] }>;
  throw new Refusal(
    'invalid',
    outcome.failures.map(({ code, message, stepId }) => ({
      code,
      message,
      ...(stepId === undefined ? {} : { stepId }),
    })),
  );
}
