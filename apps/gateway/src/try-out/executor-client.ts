import { Inject, Injectable } from '@nestjs/common';
import {
  decodeTryOutReply,
  encodeTryOut,
  signals,
  tryOutTopic,
  type TryOutReply,
  type TryOutReplyOf,
  type TryOutTask,
} from '#contracts';
import { maxMessageBytes } from '#bus/limits';
import { ApiError, PlatformError } from '#failures';
import { newId } from '#model';
import { later, refusalOf, tryOutCodes } from '#try-outs';
import { apiCodes } from '../codes.js';
import { GATEWAY_DEPS, type GatewayDeps } from '../deps.js';
import type { Asker } from './asker.js';

/** Longest that anybody waits for a try-out, in milliseconds. Reference: limits A2 (custom APIs: 120 s). */
const defaultTimeoutMs = 120_000;
/** Over the deadline that the executor knows: its own answer that time is up comes first. */
const networkMarginMs = 1_000;

type Answers = { [K in TryOutTask['kind']]: TryOutReplyOf<K> };

/**
 * Has an executor do what somebody waits for: user code, destinations and large answers are no business of the gateway's.
 */
@Injectable()
export class ExecutorClient {
  constructor(@Inject(GATEWAY_DEPS) private readonly deps: GatewayDeps) {}

  /**
   * @throws ApiError 413 and 422 for what cannot be tried out, 429 `too_many_try_outs`, 503 `no_executor`,
   *   504 `try_out_timeout`
   */
  async ask<T extends TryOutTask>(asker: Asker, task: T): Promise<Answers[T['kind']]> {
    const reply = await this.#request(asker, task);
    if (reply.kind === 'refused') throw refusalOf(reply);
    if (reply.kind !== task.kind) throw new Error(`A try-out ${task.kind} was answered with ${reply.kind}.`);
    return reply as Answers[T['kind']];
  }

  async #request({ caller, gone, traceparent }: Asker, task: TryOutTask): Promise<TryOutReply> {
    const { bus, config, now = Date.now } = this.deps;
    const timeoutMs = config.tryOutTimeoutMs ?? defaultTimeoutMs;
    const id = newId(now());
    const payload = encodeTryOut(
      {
        v: 1,
        id,
        accountId: caller.accountId,
        deadline: new Date(now() + timeoutMs).toISOString(),
        ...(traceparent === undefined ? {} : { traceparent }),
      },
      task,
    );
    if (payload.byteLength > maxMessageBytes) {
      throw ApiError.of(apiCodes.body_too_large, 'What is to be tried out has more than 6 MB, with all it refers to.');
    }
    try {
      return decodeTryOutReply(await bus.request(tryOutTopic, payload, timeoutMs + networkMarginMs, gone));
    } catch (error) {
      if (gone.aborted) bus.signal(signals.tryOutCanceled, id);
      throw this.#translated(error);
    }
  }

  #translated(error: unknown): unknown {
    if (!(error instanceof PlatformError)) return error;
    switch (error.code) {
      case 'bus_no_responders':
      case 'bus_unavailable':
        return later(apiCodes.no_executor, 'No executor can be reached now.', 5);
      case 'bus_request_timeout':
        return later(tryOutCodes.try_out_timeout, 'The executor did not answer in time.', 5);
      default:
        return error;
    }
  }
}
