import type { Failure } from '#failures';
import { connectorCodes as codes } from './codes.js';

/**
 * What is known about the effect of a request that got no usable answer: `nothing` was done when no connection was
 * made; otherwise the remote may have acted.
 */
export type Effect = 'nothing' | 'unknown';

export interface NetworkFailure {
  readonly failure: Failure;
  readonly effect: Effect;
  /** Whether the same request may well succeed a little later (decision 11). */
  readonly transient: boolean;
}

const RESET = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'UND_ERR_SOCKET', 'UND_ERR_INFO']);
const UNREACHABLE = new Set([
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EHOSTDOWN',
  'EADDRNOTAVAIL',
  'EACCES',
  'EPERM',
]);
const DNS = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_NODATA', 'EAI_NONAME', 'EAI_FAIL', 'ENODATA', 'ESERVFAIL']);
const TLS =
  /^(ERR_TLS_|ERR_SSL_|CERT_|ERR_OSSL|EPROTO$|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|HOSTNAME_MISMATCH|ERR_CRYPTO)/;

/**
 * Turns an error of a socket or of the HTTP client into a failure. Reference: decisions 12, 15, 20.
 *
 * @param target host and port, for the message
 */
export function toNetworkFailure(error: unknown, target: string): NetworkFailure {
  const code = codeOf(error);
  const detail = messageOf(error);
  if (code === 'EGRESS_REFUSED') {
    return refused(codes.egress_refused.code, `${target} may not be reached: ${detail}`, false, 'connection');
  }
  if (code === 'ECONNREFUSED') {
    return refused(codes.connection_refused.code, `${target} refused the connection.`, true, 'connection');
  }
  if (DNS.has(code)) {
    return refused(codes.dns_error.code, `${target} cannot be resolved: ${detail}`, code === 'EAI_AGAIN', 'connection');
  }
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') {
    return refused(codes.timeout.code, `${target} did not accept a connection in time.`, true, 'intermittent');
  }
  if (TLS.test(code)) {
    return refused(codes.tls_error.code, `No secure connection to ${target}: ${detail}`, false, 'connection');
  }
  if (UNREACHABLE.has(code)) {
    return refused(codes.connection_failed.code, `${target} cannot be reached: ${detail}`, true, 'connection');
  }
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') {
    const what = code === 'UND_ERR_HEADERS_TIMEOUT' ? 'did not answer in time' : 'stopped in the middle of its answer';
    return application(codes.timeout.code, `${target} ${what}.`, true);
  }
  if (RESET.has(code) || code.startsWith('HPE_')) {
    return application(codes.connection_reset.code, `${target} broke the connection: ${detail}`, true);
  }
  return application(codes.connection_failed.code, `The exchange with ${target} failed: ${detail}`, false);
}

function refused(
  code: string,
  message: string,
  transient: boolean,
  classification: 'connection' | 'intermittent',
): NetworkFailure {
  return { failure: { code, message, source: 'connection', classification }, effect: 'nothing', transient };
}

function application(code: string, message: string, transient: boolean): NetworkFailure {
  return {
    failure: { code, message, source: 'application', classification: 'intermittent' },
    effect: 'unknown',
    transient,
  };
}

/** Node wraps the errors of several addresses in an AggregateError, and undici some in `cause`. */
function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown };
  if (typeof code === 'string') return code;
  if (Array.isArray(errors) && errors.length > 0) return codeOf(errors[0]);
  return cause === undefined ? '' : codeOf(cause);
}

function messageOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  const { message, errors } = error as { message?: unknown; errors?: unknown };
  if (Array.isArray(errors) && errors.length > 0) return messageOf(errors[0]);
  return typeof message === 'string' ? message : 'unknown error';
}
