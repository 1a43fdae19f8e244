import type { Responder, Subscription } from './bus.js';
import { busError } from './failures.js';
import { assertRequestSize } from './limits.js';

interface Member {
  readonly responder: Responder;
  readonly answering: Set<Promise<unknown>>;
}

/** Responders of one process, by topic; they take turns. */
export class Responders {
  readonly #byTopic = new Map<string, Member[]>();

  add(topic: string, responder: Responder): Subscription {
    const member: Member = { responder, answering: new Set() };
    this.#byTopic.set(topic, [...(this.#byTopic.get(topic) ?? []), member]);
    return {
      drain: async () => {
        const left = (this.#byTopic.get(topic) ?? []).filter((each) => each !== member);
        if (left.length === 0) this.#byTopic.delete(topic);
        else this.#byTopic.set(topic, left);
        await Promise.allSettled(member.answering);
      },
    };
  }

  /** Takes no more requests; resolves when every answer is given. */
  async drain(): Promise<void> {
    const members = [...this.#byTopic.values()].flat();
    this.#byTopic.clear();
    await Promise.allSettled(members.flatMap(({ answering }) => [...answering]));
  }

  /** @throws as {@link import('./bus.js').Bus.request} says */
  async request(topic: string, payload: Uint8Array, timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array> {
    assertRequestSize('request', topic, payload);
    signal?.throwIfAborted();
    const members = this.#byTopic.get(topic);
    const [member] = members ?? [];
    if (members === undefined || member === undefined) throw noResponders(topic);
    members.push(members.shift()!);
    const answer = answerOf(topic, member.responder, payload);
    member.answering.add(answer);
    void answer.catch(() => undefined).finally(() => member.answering.delete(answer));
    return unlessOver(topic, answer, timeoutMs, signal);
  }
}

/**
 * What a responder gives, checked; what it throws becomes the failure of the request.
 *
 * @throws PlatformError `bus_request_failed`, `bus_message_invalid`
 */
export async function answerOf(topic: string, responder: Responder, payload: Uint8Array): Promise<Uint8Array> {
  let answer: Uint8Array;
  try {
    answer = await responder(payload);
  } catch (error) {
    throw requestFailed(topic, error instanceof Error ? error.message : String(error), error);
  }
  assertRequestSize('answer', topic, answer);
  return answer;
}

export function noResponders(topic: string, cause?: unknown): Error {
  return busError('bus_no_responders', `Nobody responds to ${topic}.`, cause);
}

export function requestFailed(topic: string, why: string, cause?: unknown): Error {
  return busError('bus_request_failed', `The request ${topic} failed: ${why}`, cause);
}

export function requestTimeout(topic: string, timeoutMs: number, cause?: unknown): Error {
  return busError('bus_request_timeout', `The request ${topic} had no answer after ${timeoutMs} ms.`, cause);
}

/** Settles with the answer, or rejects once time is up or nobody waits any more. */
async function unlessOver<T>(
  topic: string,
  answer: Promise<T>,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(requestTimeout(topic, timeoutMs)), timeoutMs);
  });
  try {
    return await unlessAborted(Promise.race([answer, timedOut]), signal);
  } finally {
    clearTimeout(timer);
  }
}

/** Rejects with the signal's reason as soon as it aborts; what comes later is nobody's. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
