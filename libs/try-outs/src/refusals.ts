import type { TryOutReason, TryOutReplyOf } from '#contracts';
import { ApiError, type ApiErrorEntry, type RegisteredCode } from '#failures';
import { tryOutCodes } from './codes.js';

/** What an executor refuses, as the API answers it. @throws Error for a defect of the executor */
export function refusalOf({ why, reasons }: TryOutReplyOf<'refused'>): ApiError {
  const message = reasons.map((reason) => reason.message).join(' ');
  switch (why) {
    case 'busy':
      return later(tryOutCodes.too_many_try_outs, message, 1);
    case 'timeout':
      return later(tryOutCodes.try_out_timeout, message, 5);
    case 'too_large':
      return ApiError.of(tryOutCodes.answer_too_large, message);
    case 'invalid':
      return invalid(reasons);
    default:
      throw new Error(message);
  }
}

/** @param seconds after which the caller may try again */
export function later(code: RegisteredCode, message: string, seconds: number): ApiError {
  return new ApiError(code.http ?? 503, [{ code: code.code, message }], { 'retry-after': String(seconds) });
}

function invalid(reasons: readonly TryOutReason[]): ApiError {
  return new ApiError(
    422,
    reasons.map(({ code, message, stepId }): ApiErrorEntry => ({
      code,
      message,
      ...(stepId === undefined ? {} : { field: stepId }),
    })),
  );
}
