import { errors } from '@nats-io/transport-node';
import type { Msg, Subscription as NatsSub } from '@nats-io/transport-node';
import type { Responder, Subscription } from '../bus.js';
import type { ReportError } from '../delivery-runner.js';
import { busError } from '../failures.js';
import { assertRequestSize } from '../limits.js';
import { answerOf, noResponders, requestFailed, requestTimeout, unlessAborted } from '../responders.js';
import type { Connection } from './connection.js';
import type { Names } from './subjects.js';
import { toHeaders, toHeaderText } from './wire.js';

/** On an answer that is none: why the responder failed, as header text. */
const failedHeader = 'Millrace-Bus-Failed';
/** Responders of a topic share its requests under this name. */
const queueGroup = 'responders';
const empty = new Uint8Array();

interface OpenResponder {
  readonly subscription: NatsSub;
  readonly answering: Set<Promise<void>>;
}

/** Request and reply as NATS has them: one responder of the topic's queue group gets each request. */
export class NatsRequests {
  readonly #connection: Connection;
  readonly #names: Names;
  readonly #reportError: ReportError;
  readonly #open = new Set<OpenResponder>();

  constructor(connection: Connection, names: Names, reportError: ReportError) {
    this.#connection = connection;
    this.#names = names;
    this.#reportError = reportError;
  }

  async request(topic: string, payload: Uint8Array, timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array> {
    assertRequestSize('request', topic, payload);
    signal?.throwIfAborted();
    const answer = this.#send(topic, payload, timeoutMs);
    const message = await unlessAborted(answer, signal);
    const failed = message.headers?.get(failedHeader);
    if (failed) throw requestFailed(topic, decodeURIComponent(failed));
    return message.data;
  }

  respond(topic: string, responder: Responder): Subscription {
    const answering = new Set<Promise<void>>();
    const subscription = this.#connection.nc.subscribe(this.#names.requestSubject(topic), {
      queue: queueGroup,
      callback: (error, message) => {
        if (error) this.#reportError(error, `The subscription to the requests ${topic} failed`);
        else this.#take(topic, responder, message, answering);
      },
    });
    const open = { subscription, answering };
    this.#open.add(open);
    return { drain: () => this.#drain(open) };
  }

  async drain(): Promise<void> {
    await Promise.all([...this.#open].map((open) => this.#drain(open)));
  }

  async #send(topic: string, payload: Uint8Array, timeoutMs: number): Promise<Msg> {
    try {
      return await this.#connection.request(this.#names.requestSubject(topic), payload, timeoutMs);
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined;
      if (cause instanceof errors.RequestError && cause.isNoResponders()) throw noResponders(topic, cause);
      if (cause instanceof errors.TimeoutError) throw requestTimeout(topic, timeoutMs, cause);
      throw error;
    }
  }

  #take(topic: string, responder: Responder, message: Msg, answering: Set<Promise<void>>): void {
    const answered = this.#answer(topic, responder, message);
    answering.add(answered);
    void answered.finally(() => answering.delete(answered));
  }

  async #answer(topic: string, responder: Responder, message: Msg): Promise<void> {
    try {
      const answer = await answerOf(topic, responder, message.data);
      message.respond(answer);
    } catch (error) {
      this.#reportError(error, `A responder of ${topic} failed`);
      const why = error instanceof Error ? error.message : String(error);
      if (this.#connection.connected) {
        message.respond(empty, { headers: toHeaders({ [failedHeader]: toHeaderText(why.slice(0, 1_000)) }) });
      }
    }
  }

  async #drain(open: OpenResponder): Promise<void> {
    this.#open.delete(open);
    if (this.#connection.connected && !open.subscription.isClosed()) {
      await open.subscription.drain().catch((error: unknown) => {
        throw busError('bus_unavailable', 'NATS did not end a subscription to requests.', error);
      });
    }
    await Promise.all(open.answering);
  }
}
