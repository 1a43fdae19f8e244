import type { TryOutReason } from '#contracts';

/** A failure as answers show it. */
export function problemOf({ code, message, source }: TryOutReason): TryOutReason {
  return { code, message, ...(source === undefined ? {} : { source }) };
}
