import { ApiError, type ApiErrorEntry } from '#failures';
import type { Issue } from '#model';
import { apiCodes } from '../codes.js';

/** One problem or several, as the API answers them: 400 when an id is malformed, else 422. */
export function invalid(issues: readonly Issue[]): ApiError {
  const status = issues.some((issue) => issue.status === 400) ? 400 : 422;
  return new ApiError(
    status,
    issues.map(({ code, message, field }): ApiErrorEntry => ({
      code,
      message,
      ...(field === undefined ? {} : { field }),
    })),
  );
}

/** Unknown, malformed or another account's: nobody can tell which. */
export function notFound(what = 'resource'): ApiError {
  return ApiError.of(apiCodes.resource_not_found, `The ${what} was not found.`);
}

export function badQuery(message: string, field?: string): ApiError {
  return ApiError.of(apiCodes.invalid_query_params, message, field);
}
