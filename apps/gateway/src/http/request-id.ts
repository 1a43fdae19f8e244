import { newId } from '#model';

const sane = /^[A-Za-z0-9._-]{1,128}$/;

/** The client's `X-Request-Id` when it cannot do harm in a header or a log line, else a new one. */
export function requestIdOf(header: string | string[] | undefined): string {
  return typeof header === 'string' && sane.test(header) ? header : newId();
}
