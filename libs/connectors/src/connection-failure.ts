import { type Failure, PlatformError } from '#failures';
import { connectorCodes as codes } from './codes.js';

/**
 * A connection that cannot be used as it is configured, or whose secrets cannot be opened, as the failure of the records
 * that needed it.
 */
export function connectionFailure(error: unknown): Failure {
  if (error instanceof PlatformError) {
    return { code: error.code, message: error.message, source: 'connection', classification: 'connection' };
  }
  // The message of an opener may say more than people should read; its name says enough to look for it in the log.
  const name = typeof error === 'object' && error !== null ? String((error as { name?: unknown }).name) : 'Error';
  return {
    code: codes.authentication_failed.code,
    message: `The secrets of the connection cannot be opened (${name}).`,
    source: 'connection',
    classification: 'connection',
  };
}
