import type { CustomTransportStrategy, MessageHandler } from '@nestjs/microservices';
import { BaseRpcContext, EventPattern, Server } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import type { Stream, StreamBatch, StreamConsumerOptions, StreamSubscription, TopicName } from '../stream.js';

/** Identifies this transport, so that an application can have handlers of other ones, too. */
export const streamTransport = Symbol('millrace.stream');

/** Marks a controller's method as the handler of a topic's batches: `@EventPattern` of this transport, the name checked. */
export function OnTopic(topic: TopicName): MethodDecorator {
  // oxlint-disable-next-line typescript/no-unnecessary-type-arguments -- without it Nest's typed overload is taken, which refuses a typed context
  return EventPattern<string>(topic, streamTransport);
}

export type TopicSettings = Partial<Omit<StreamConsumerOptions, 'topic'>>;

export interface StreamStrategyOptions {
  readonly stream: Stream;
  /** The consumer group of this service: each event goes to one of its processes. */
  readonly group: string;
  /** How each topic is consumed, for instance from positions kept outside the broker. */
  readonly topics?: Readonly<Partial<Record<TopicName, TopicSettings>>>;
}

/** What a handler gets as `@Ctx()`. */
export class StreamContext extends BaseRpcContext<[StreamBatch]> {
  get batch(): StreamBatch {
    return this.args[0];
  }
}

/** Every topic, so that a pattern can be told from those of other transports. */
const topicNames: Readonly<Record<TopicName, true>> = { 'step-results': true, 'run-events': true };

function isTopicName(pattern: string): pattern is TopicName {
  return Object.hasOwn(topicNames, pattern);
}

/**
 * Binds handlers to the stream: `@OnTopic('step-results')` or `@EventPattern('step-results')` consumes that topic. A
 * handler gets the {@link StreamBatch} as its payload and a {@link StreamContext}. When it completes, with its promise
 * or its observable, the batch is done; when it fails, the same batch comes again after a growing pause. Several
 * handlers of one topic run side by side, and all run again when one of them fails.
 */
export class StreamStrategy extends Server implements CustomTransportStrategy {
  override transportId = streamTransport;
  override readonly propagatesEventHandlerErrors = true;
  readonly #options: StreamStrategyOptions;
  #subscriptions: StreamSubscription[] = [];

  constructor(options: StreamStrategyOptions) {
    super();
    this.#options = options;
  }

  override async listen(callback: (error?: unknown) => void): Promise<void> {
    try {
      for (const [pattern, handler] of this.getHandlers()) {
        if (isTopicName(pattern)) this.#subscriptions.push(await this.#consume(pattern, handler));
      }
    } catch (error) {
      await this.close();
      callback(error);
      return;
    }
    callback();
  }

  /** Drains: resolves when every handler has returned. The stream itself stays open; it is its owner's to close. */
  override async close(): Promise<void> {
    await Promise.all(this.#subscriptions.splice(0).map((subscription) => subscription.drain()));
  }

  override on(event: string): never {
    throw new Error(`The stream strategy emits no events, so none named ${event}.`);
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- Nest's signature
  override unwrap<T>(): T {
    return this.#options.stream as T;
  }

  #consume(topic: TopicName, handler: MessageHandler): Promise<StreamSubscription> {
    const { stream, group, topics } = this.#options;
    return stream.consume({ group, ...topics?.[topic], topic }, (batch) =>
      this.#run(handler, new StreamContext([batch])),
    );
  }

  #run(handler: MessageHandler, context: StreamContext): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.runWithProcessingHooks(context, async (endProcessing) => {
        try {
          await settled(await handler(context.batch, context));
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
