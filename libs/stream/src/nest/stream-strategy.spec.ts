import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Module } from '@nestjs/common';
import type { INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { concat, defer, of, throwError, timer } from 'rxjs';
import { ignoreElements } from 'rxjs/operators';
import type { BatchHandler, Stream, StreamBatch, StreamConsumerOptions, TopicName } from '../stream.js';
import type { StreamContext } from './stream-strategy.js';
import { OnTopic, StreamStrategy } from './stream-strategy.js';

const log: string[] = [];

function firstKey(batch: StreamBatch): string {
  return batch.events[0]!.key;
}

@Controller()
class StepResults {
  // oxlint-disable-next-line typescript/no-unnecessary-type-arguments -- without it Nest's typed overload is taken, which refuses a typed context
  @EventPattern<string>('step-results')
  async store(@Payload() batch: StreamBatch, @Ctx() context: StreamContext): Promise<void> {
    log.push(`store ${batch.partition} ${firstKey(batch)} ${context.batch === batch}`);
    if (firstKey(batch) === 'fails') throw new Error('database is down');
  }

  @OnTopic('run-events')
  follow(@Payload() batch: StreamBatch, @Ctx() _context: StreamContext) {
    if (firstKey(batch) === 'fails') {
      return concat(
        of(1),
        throwError(() => new Error('in the observable')),
      );
    }
    return concat(
      timer(20).pipe(ignoreElements()),
      defer(() => of(log.push('followed'))),
    );
  }

  @OnTopic('run-events')
  audit(@Payload() _batch: StreamBatch, @Ctx() _context: StreamContext): void {
    log.push('audited');
  }

  @EventPattern('cmd.run.cancel')
  ofAnotherTransport(@Payload() _message: unknown): void {
    log.push('never');
  }
}

@Module({ controllers: [StepResults] })
class StepResultsModule {}

/** Hands batches to the handlers that the strategy registered. */
class FakeStream implements Pick<Stream, 'consume'> {
  readonly consumers = new Map<TopicName, { options: StreamConsumerOptions; handler: BatchHandler }>();
  drained = 0;
  failure: Error | null = null;

  async consume(options: StreamConsumerOptions, handler: BatchHandler) {
    if (this.failure && options.topic === 'run-events') throw this.failure;
    this.consumers.set(options.topic, { options, handler });
    return { drain: async () => void (this.drained += 1) };
  }

  deliver(topic: TopicName, key: string): Promise<void> {
    const event = { key, value: new Uint8Array(0), headers: {}, offset: 6n, storedAtMs: 0 };
    return this.consumers.get(topic)!.handler({ topic, partition: 3, events: [event], nextOffset: 7n });
  }
}

describe('StreamStrategy', () => {
  let stream: FakeStream;
  let app: INestMicroservice;
  const position = async () => 5n;

  async function createApp(): Promise<INestMicroservice> {
    return await NestFactory.createMicroservice(StepResultsModule, {
      strategy: new StreamStrategy({
        stream: stream as unknown as Stream,
        group: 'errors',
        topics: { 'step-results': { position, maxBatchBytes: 1_000 }, 'run-events': { group: 'progress' } },
      }),
      logger: false,
    });
  }

  beforeEach(async () => {
    log.length = 0;
    stream = new FakeStream();
    app = await createApp();
  });

  afterEach(() => app.close());

  it('consumes the topics that handlers name, and only those, as the settings say', async () => {
    await app.listen();
    expect([...stream.consumers.values()].map(({ options }) => options)).toEqual([
      { topic: 'step-results', group: 'errors', position, maxBatchBytes: 1_000 },
      { topic: 'run-events', group: 'progress' },
    ]);
  });

  it('gives the handler the batch and its context, and is done when its promise resolves', async () => {
    await app.listen();
    await stream.deliver('step-results', 'run-1');
    expect(log).toEqual(['store 3 run-1 true']);
  });

  it('is done when every handler of the topic has completed, its observable included', async () => {
    await app.listen();
    await stream.deliver('run-events', 'run-1');
    expect(log.toSorted()).toEqual(['audited', 'followed']);
  });

  it.each(['step-results', 'run-events'] as const)(
    'fails a batch of %s whose handler fails, so that it comes again',
    async (topic) => {
      await app.listen();
      await expect(stream.deliver(topic, 'fails')).rejects.toBeDefined();
    },
  );

  it('drains its subscriptions when the application closes', async () => {
    await app.listen();
    await app.close();
    expect(stream.drained).toBe(2);
  });

  it('drains what it had subscribed when a later subscription is refused', async () => {
    stream.failure = new Error('no such cluster');
    await expect(app.listen()).rejects.toThrow('no such cluster');
    expect(stream.drained).toBe(1);
  });
});
