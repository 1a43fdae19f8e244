import { defineCodes, PlatformError } from '#failures';

export const busCodes = defineCodes('bus', {
  bus_message_invalid: {
    retry: 'never',
    help: 'A message breaks a limit of the bus: its id, key, headers or size. This is a defect of the sender.',
  },
  bus_unavailable: {
    retry: 'backoff',
    help: 'The broker did not confirm in time. Check that it runs and can be reached; the work is repeated by itself.',
  },
  bus_closed: {
    retry: 'never',
    help: 'The bus was used after it was closed. The process is shutting down.',
  },
  bus_no_responders: {
    retry: 'backoff',
    help: 'No process answers requests of this kind now. Check that executors run.',
  },
  bus_request_timeout: {
    retry: 'backoff',
    help: 'The process that took the request did not answer in time.',
  },
  bus_request_failed: {
    retry: 'never',
    help: 'The process that took the request failed at it. Its log says why.',
  },
  bus_message_gone: {
    retry: 'never',
    help: 'The body of a leased message was asked for after the message was settled by another consumer.',
  },
});

/** A failure of the bus itself; `code` is one of {@link busCodes}. */
export function busError(code: keyof typeof busCodes, message: string, cause?: unknown): PlatformError {
  return new PlatformError(busCodes[code].code, message, cause === undefined ? undefined : { cause });
}
