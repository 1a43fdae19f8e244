import type { Classification, Failure, FailureSource } from '#failures';
import { toNetworkFailure } from '../network-failure.js';

/** What an error of a statement means for the records it carried. */
export interface SqlFailure {
  readonly failure: Failure;
  /** Bad data in some record: a statement with fewer records may succeed. */
  readonly mayBeOneRecord: boolean;
  /** Nothing was done, and the same statement may succeed a little later. */
  readonly transient: boolean;
}

interface Rule {
  readonly codes: RegExp;
  readonly source: FailureSource;
  readonly classification?: Classification;
  readonly mayBeOneRecord?: boolean;
  readonly transient?: boolean;
}

/**
 * SQLSTATE to class, first match wins.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const RULES: readonly Rule[] = [
  { codes: /^(23505|23P01)$/, source: 'application', classification: 'duplicate', mayBeOneRecord: true },
  { codes: /^23503$/, source: 'application', classification: 'missing', mayBeOneRecord: true },
  { codes: /^(22|23|21|P0|44)/, source: 'application', classification: 'value', mayBeOneRecord: true },
  { codes: /^(40001|40P01)$/, source: 'application', classification: 'intermittent', transient: true },
  { codes: /^(57P03|53300)$/, source: 'connection', classification: 'intermittent', transient: true },
  { codes: /^54/, source: 'application', classification: 'too_large', mayBeOneRecord: true },
  { codes: /^(40|53|55|57014|58)/, source: 'application', classification: 'intermittent' },
  { codes: /^(08|57P)/, source: 'connection', classification: 'connection' },
  { codes: /^(28|3D)/, source: 'connection', classification: 'connection' },
  { codes: /^42501$/, source: 'connection', classification: 'connection' },
  { codes: /^(42|3F|26|34|0A)/, source: 'resource' },
];

/**
 * Turns an error of `pg` into a failure. The code is the SQLSTATE; what never reached the server is a network failure.
 *
 * @param target host and port, for messages
 */
export function toSqlFailure(error: unknown, target: string): SqlFailure {
  const { code, message, detail, column, constraint, severity } = error as Record<string, unknown>;
  if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code) || severity === undefined)
    return fromNetwork(error, target);
  const rule = RULES.find(({ codes }) => codes.test(code));
  const parts = [String(message)];
  if (typeof detail === 'string' && detail !== '') parts.push(detail);
  if (typeof constraint === 'string' && constraint !== '') parts.push(`Constraint: ${constraint}.`);
  if (typeof column === 'string' && column !== '') parts.push(`Column: ${column}.`);
  return {
    failure: {
      code,
      message: parts.join(' ').slice(0, 4000),
      source: rule?.source ?? 'application',
      ...(rule?.classification === undefined ? {} : { classification: rule.classification }),
    },
    mayBeOneRecord: rule?.mayBeOneRecord ?? false,
    transient: rule?.transient ?? false,
  };
}

function fromNetwork(error: unknown, target: string): SqlFailure {
  const message = error instanceof Error ? error.message : String((error as { message?: unknown }).message ?? error);
  if (/timeout exceeded when trying to connect|timeout expired/i.test(message)) {
    const failure: Failure = {
      code: 'timeout',
      message: `${target} did not accept a connection in time.`,
      source: 'connection',
      classification: 'intermittent',
    };
    return { failure, mayBeOneRecord: false, transient: true };
  }
  if (/Connection terminated|Client has encountered a connection error|not queryable/i.test(message)) {
    const failure: Failure = {
      code: 'connection_reset',
      message: `${target} broke the connection: ${message}`,
      source: 'connection',
      classification: 'intermittent',
    };
    return { failure, mayBeOneRecord: false, transient: false };
  }
  if (/does not support SSL/i.test(message)) {
    const failure: Failure = {
      code: 'tls_error',
      message: `${target}: ${message}`,
      source: 'connection',
      classification: 'connection',
    };
    return { failure, mayBeOneRecord: false, transient: false };
  }
  const network = toNetworkFailure(error, target);
  return {
    failure: network.failure,
    mayBeOneRecord: false,
    transient: network.transient && network.effect === 'nothing',
  };
}
