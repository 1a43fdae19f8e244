import type { z } from 'zod';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** One call of the API, described beside the controller that answers it. */
export interface Operation {
  readonly method: Method;
  /** OpenAPI form: `/v1/flows/{id}/run` */
  readonly path: string;
  /** Unique; what generated clients call their method. */
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly query?: z.ZodObject;
  /** Body; required on every POST, PUT and PATCH (an empty object where nothing need be sent). */
  readonly request?: z.ZodType;
  readonly requestOptional?: boolean;
  readonly status: 200 | 201 | 204;
  /** Body of the answer; absent exactly for 204. */
  readonly response?: z.ZodType;
  readonly responseType?: 'application/json' | 'text/event-stream';
  /** Answers 201, with the same body, where it made something new. */
  readonly newIs201?: boolean;
  /** Lists answer 204 when nothing matches. */
  readonly emptyIs204?: boolean;
}
