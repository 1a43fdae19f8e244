import type { CustomTransportStrategy, MessageHandler } from '@nestjs/microservices';
import { BaseRpcContext, EventPattern, Server } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import type { Bus, ConsumerOptions, Delivery, QueueName, Subscription } from '../bus.js';
import { isQueueName } from '../queues.js';
import { SettledOnce } from '../settled-once.js';

/** Identifies this transport, so that an application can have handlers of other ones, too. */
export const busTransport = Symbol('millrace.bus');

/** Marks a controller's method as the handler of a queue: `@EventPattern` of this transport, with the queue's name checked. */
export function OnQueue(queue: QueueName): MethodDecorator {
  // oxlint-disable-next-line typescript/no-unnecessary-type-arguments -- without it Nest's typed overload is taken, which refuses a typed context
  return EventPattern<string>(queue, busTransport);
}

export type QueueSettings = Partial<Omit<ConsumerOptions, 'queue' | 'consumerId'>>;

export interface BusStrategyOptions {
  readonly bus: Bus;
  /** Stable name of this process, see {@link ConsumerOptions.consumerId}. */
  readonly consumerId: string;
  /** How each queue is consumed. Default: 16 messages at a time. */
  readonly queues?: Readonly<Partial<Record<QueueName, QueueSettings>>>;
  /** Milliseconds until a message whose handler failed is delivered again, by attempt (from 1). */
  readonly backoffMs?: (attempt: number) => number;
}

/** What a handler gets as `@Ctx()`. */
export class BusContext extends BaseRpcContext<[Delivery]> {
  get delivery(): Delivery {
    return this.args[0];
  }
}

const defaultMaxInFlight = 16;
const firstBackoffMs = 1_000;
const maxBackoffMs = 60_000;

/** 1 s, 2 s, 4 s … up to a minute. */
export function doublingBackoffMs(attempt: number): number {
  return Math.min(maxBackoffMs, firstBackoffMs * 2 ** Math.max(0, attempt - 1));
}

/**
 * Binds handlers to the bus: `@OnQueue('cmd.run.cancel')`, `@EventPattern(…)` or `@MessagePattern(…)` consumes the queue of that name.
 * A handler gets the {@link Delivery} as its payload and a {@link BusContext}. When it completes, with its promise or
 * its observable, the message is acknowledged; when it fails, the message is handed back with a growing delay. A handler
 * that settles the delivery itself has the last word. Handlers of other patterns are left to other transports.
 */
export class BusStrategy extends Server implements CustomTransportStrategy {
  override transportId = busTransport;
  override readonly propagatesEventHandlerErrors = true;
  readonly #options: BusStrategyOptions;
  #subscriptions: Subscription[] = [];

  constructor(options: BusStrategyOptions) {
    super();
    this.#options = options;
  }

  override async listen(callback: (error?: unknown) => void): Promise<void> {
    try {
      for (const [pattern, handler] of this.getHandlers()) {
        if (isQueueName(pattern)) this.#subscriptions.push(await this.#consume(pattern, handler));
      }
    } catch (error) {
      await this.close();
      callback(error);
      return;
    }
    callback();
  }

  /** Drains: resolves when every handler has returned. The bus itself stays open; it is its owner's to close. */
  override async close(): Promise<void> {
    await Promise.all(this.#subscriptions.splice(0).map((subscription) => subscription.drain()));
  }

  override on(event: string): never {
    throw new Error(`The bus strategy emits no events, so none named ${event}.`);
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- Nest's signature
  override unwrap<T>(): T {
    return this.#options.bus as T;
  }

  async #consume(queue: QueueName, handler: MessageHandler): Promise<Subscription> {
    const { bus, consumerId, queues } = this.#options;
    const options = { maxInFlight: defaultMaxInFlight, ...queues?.[queue], queue, consumerId };
    return await bus.consume(options, (delivery) => this.#handle(new SettledOnce(delivery), handler));
  }

  async #handle(delivery: Delivery, handler: MessageHandler): Promise<void> {
    try {
      await this.#run(handler, new BusContext([delivery]));
    } catch (error) {
      const delayMs = (this.#options.backoffMs ?? doublingBackoffMs)(delivery.attempt);
      const reason = error instanceof Error ? error.message : JSON.stringify(error);
      this.logger.warn(
        `Message ${delivery.id} of ${delivery.queue} failed in attempt ${delivery.attempt}, again in ${delayMs} ms: ${reason}`,
      );
      await delivery.nack(delayMs);
      return;
    }
    await delivery.ack();
  }

  #run(handler: MessageHandler, context: BusContext): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.runWithProcessingHooks(context, async (endProcessing) => {
        try {
          await settled(await handler(context.delivery, context));
          resolve();
        } catch (error) {
          reject(error);
        } finally {
          endProcessing();
        }
      });
    });
  }
}

/** Nest hands a handler's result over as an observable; a controller's method may return one of its own inside it. */
async function settled(result: unknown): Promise<void> {
  let value = result;
  while (isObservable(value)) {
    value = await lastValueFrom(value, { defaultValue: undefined });
  }
}
