import type { TryOutReason } from '#contracts';
import type { Failure } from '#failures';

/** A failure as people see it; the exchange behind it is shown among the stages. */
export function reasonOf({ code, message, source }: Failure, stepId?: string): TryOutReason {
  return { code, message, source, ...(stepId === undefined ? {} : { stepId }) };
}
