import { z } from 'zod';

/** What a script asks of the API. Reference: runtime §16.2; the names of the arguments are inferred there. */
export interface ApiRequest {
  /** in capitals */
  readonly method: string;
  /** below the API's address, from `/v1` on, without a query */
  readonly path: string;
  /** in lower case */
  readonly contentType: string | undefined;
  /** text, or what is to become JSON; absent: none */
  readonly body?: unknown;
}

const maxPathLength = 2_000;

/** An address would lead out of the platform, whatever it names (P7). */
const ownPath = z
  .string()
  .max(maxPathLength)
  .regex(/^\/(?!\/)/, 'must be a path of the API, such as /v1/exports/{id}/invoke: requests cannot leave the platform');

const headers = z.record(
  z
    .string()
    .regex(/^[\w!#$%&'*+.^`|~-]{1,200}$/, 'is no name of a header')
    .refine((name) => !lent.has(name.toLowerCase()), 'is not the script’s to give: requests have its own rights'),
  z
    .string()
    .max(8_192)
    .regex(/^[\t\u0020-\u007e\u0080-\u00ff]*$/, 'must not hold line breaks or control characters'),
);

/** Say with which rights, or for which account, a request is made. */
const lent: ReadonlySet<string> = new Set(['authorization', 'cookie', 'integrator-ashareid']);

const common = {
  method: z
    .string()
    .regex(/^[A-Za-z]{1,20}$/, 'is no method of HTTP')
    .default('GET'),
  headers: headers.optional(),
  body: z.unknown().optional(),
};

/** The argument of `request`. */
export const apiRequestArgument = z
  .strictObject({ ...common, relativeURI: ownPath.optional(), url: ownPath.optional() })
  .refine(({ relativeURI, url }) => (relativeURI === undefined) !== (url === undefined), {
    error: 'needs either relativeURI or url',
  });

export function apiRequestOf(given: z.infer<typeof apiRequestArgument>): ApiRequest {
  const { method, relativeURI, url, headers: named = {}, body } = given;
  const contentType = Object.entries(named).find(([name]) => name.toLowerCase() === 'content-type')?.[1];
  return {
    method: method.toUpperCase(),
    path: url === undefined ? belowApi(withoutQuery(relativeURI ?? '')) : withoutQuery(url),
    contentType: contentType?.toLowerCase(),
    ...(body === undefined || body === null ? {} : { body }),
  };
}

/** Relative to the API's base address, which ends in `/v1`. Reference: resources §1.1. */
function belowApi(path: string): string {
  return /^\/v1(?:\/|$)/.test(path) ? path : `/v1${path}`;
}

function withoutQuery(path: string): string {
  return path.split('?', 1)[0]!;
}
