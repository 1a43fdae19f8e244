import type { RegisteredCode } from './codes.js';

/** One entry of the API's error envelope `{errors:[…]}`. Reference: resources §1.3. */
export interface ApiErrorEntry {
  readonly code: string;
  readonly message: string;
  /** Path of the offending field, e.g. `http.paging.method` or `pageProcessors[0]._importId`. */
  readonly field?: string;
}

/** A refusal of a request: one status, one or more entries. Thrown anywhere below the API's edge. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly status: number,
    readonly errors: readonly ApiErrorEntry[],
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(errors.map((e) => `${e.code}: ${e.message}`).join('; '));
  }

  /** As the API answers it. Reference: resources §1.3, decision 29. */
  get body(): { readonly message?: string; readonly errors: readonly ApiErrorEntry[] } {
    const [first] = this.errors;
    const alsoMessage = first !== undefined && (this.status === 401 || this.status === 403);
    return { ...(alsoMessage ? { message: first.message } : {}), errors: this.errors };
  }

  static of(code: RegisteredCode, message: string, field?: string): ApiError {
    return new ApiError(code.http ?? 422, [{ code: code.code, message, ...(field === undefined ? {} : { field }) }]);
  }
}
