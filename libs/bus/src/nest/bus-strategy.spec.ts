import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Module } from '@nestjs/common';
import type { INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { concat, defer, from, of, throwError, timer } from 'rxjs';
import { ignoreElements } from 'rxjs/operators';
import type { Bus, ConsumerOptions, Delivery, DeliveryHandler, QueueName } from '../bus.js';
import type { BusContext } from './bus-strategy.js';
import { BusStrategy, doublingBackoffMs, OnQueue } from './bus-strategy.js';

const log: string[] = [];

@Controller()
class FlowCommands {
  @MessagePattern('work.retry')
  async start(@Payload() delivery: Delivery, @Ctx() context: BusContext): Promise<string> {
    log.push(`start ${delivery.id} ${context.delivery === delivery}`);
    const text = Buffer.from(await delivery.body()).toString();
    if (text === 'fails') throw new Error('not now');
    if (text === 'rejects') await delivery.reject('poison');
    return 'ignored';
  }

  @OnQueue('cmd.run.cancel')
  cancel(@Payload() delivery: Delivery, @Ctx() _context: BusContext) {
    if (delivery.id === 'fails')
      return concat(
        of(1),
        throwError(() => new Error('in the stream')),
      );
    return concat(
      timer(20).pipe(ignoreElements()),
      defer(() => from([log.push('canceled')])),
    );
  }

  @EventPattern('step-results')
  ofAnotherTransport(@Payload() _event: unknown): void {
    log.push('never');
  }
}

@Module({ controllers: [FlowCommands] })
class FlowModule {}

/** Hands deliveries to the handlers that the strategy registered, and notes how they were settled. */
class FakeBus implements Pick<Bus, 'consume'> {
  readonly consumers = new Map<QueueName, { options: ConsumerOptions; handler: DeliveryHandler }>();
  drained = 0;

  async consume(options: ConsumerOptions, handler: DeliveryHandler) {
    this.consumers.set(options.queue, { options, handler });
    return { drain: async () => void (this.drained += 1) };
  }

  async deliver(queue: QueueName, id: string, body = '', attempt = 1): Promise<string[]> {
    const settlements: string[] = [];
    await this.consumers.get(queue)!.handler({
      queue,
      key: 'flow',
      id,
      headers: {},
      bodyBytes: body.length,
      attempt,
      body: async () => Buffer.from(body),
      ack: async () => void settlements.push('ack'),
      nack: async (delayMs) => void settlements.push(`nack ${delayMs}`),
      extend: async () => undefined,
      reject: async (reason) => void settlements.push(`reject ${reason}`),
    });
    return settlements;
  }
}

describe('BusStrategy', () => {
  let bus: FakeBus;
  let app: INestMicroservice;

  beforeEach(async () => {
    log.length = 0;
    bus = new FakeBus();
    app = await NestFactory.createMicroservice(FlowModule, {
      strategy: new BusStrategy({
        bus: bus as unknown as Bus,
        consumerId: 'scheduler-1',
        queues: { 'work.retry': { maxInFlight: 3, leaseMs: 5_000 } },
      }),
      logger: false,
    });
    await app.listen();
  });

  afterEach(() => app.close());

  it('consumes the queues that handlers name, and only those', () => {
    expect([...bus.consumers.values()].map((consumer) => consumer.options)).toEqual([
      { queue: 'work.retry', consumerId: 'scheduler-1', maxInFlight: 3, leaseMs: 5_000 },
      { queue: 'cmd.run.cancel', consumerId: 'scheduler-1', maxInFlight: 16 },
    ]);
  });

  it('gives the handler the delivery and its context, and acknowledges when its promise resolves', async () => {
    expect(await bus.deliver('work.retry', 'm1')).toEqual(['ack']);
    expect(log).toEqual(['start m1 true']);
  });

  it('acknowledges when the observable of a handler completes, not before', async () => {
    expect(await bus.deliver('cmd.run.cancel', 'm1')).toEqual(['ack']);
    expect(log).toEqual(['canceled']);
  });

  it.each([
    [1, 1_000],
    [2, 2_000],
    [5, 16_000],
    [40, 60_000],
  ])('hands a message back that failed in attempt %d after %d ms', async (attempt, delayMs) => {
    expect(await bus.deliver('work.retry', 'm1', 'fails', attempt)).toEqual([`nack ${delayMs}`]);
    expect(doublingBackoffMs(attempt)).toBe(delayMs);
  });

  it('hands a message back when the observable fails', async () => {
    expect(await bus.deliver('cmd.run.cancel', 'fails')).toEqual(['nack 1000']);
  });

  it('leaves a message alone that its handler settled', async () => {
    expect(await bus.deliver('work.retry', 'm1', 'rejects')).toEqual(['reject poison']);
  });

  it('drains when the application closes', async () => {
    await app.close();
    expect(bus.drained).toBe(2);
  });
});
