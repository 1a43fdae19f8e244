import type { Getter } from '#engine/paths/index';
import type { Failure } from '#failures';
import { asText } from '../as-text.js';
import { answerFailure, type Received, textOf } from './client.js';

/** Characters of an answer that a message repeats; the whole is in the stored exchange. */
const SHOWN_CHARACTERS = 1_000;

/**
 * The failure of an answer with an error status (decision 15). An answer that refuses the credentials is the
 * connection's failure, not the record's.
 *
 * @param errorPath picks the message from a JSON body
 */
export function statusFailure(received: Received, errorPath: Getter | null): Failure {
  const { answer, request } = received;
  const text = textOf(answer);
  const picked = errorPath === null ? null : pickMessage(text, errorPath);
  const shown = text.trim() === '' ? '' : `: ${text.slice(0, SHOWN_CHARACTERS)}`;
  return answerFailure(received, {
    code: String(answer.status),
    message: picked ?? `${request.method} ${request.url.host} was answered with status ${answer.status}${shown}`,
    source: received.unauthorized ? 'connection' : 'application',
    ...(received.unauthorized ? { classification: 'connection' as const } : {}),
  });
}

/** The failure of an answer whose body breaks the success or failure rules. */
export function bodyFailure(received: Received, reason: string, body: unknown, errorPath: Getter | null): Failure {
  const picked = errorPath?.(body);
  const message = picked === undefined || picked === null || picked === '' ? reason : asText(picked);
  return answerFailure(received, { code: 'response_failure', message, source: 'application' });
}

function pickMessage(text: string, errorPath: Getter): string | null {
  let value: unknown;
  try {
    value = errorPath(JSON.parse(text));
  } catch {
    return null; // an error page that is no JSON is shown as it is
  }
  return value === undefined || value === null || value === '' ? null : asText(value);
}
