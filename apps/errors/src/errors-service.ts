import 'reflect-metadata';
import type { Blobs } from '#blobs';
import type { Bus } from '#bus';
import type { Jobs, Ledger } from '#store';
import type { Stream } from '#stream';
import { StreamStrategy } from '#stream/nest/stream-strategy';
import type { INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ResultsConsumer, resultsGroup } from './consume-results/results-consumer.js';
import { ErrorsModule } from './errors.module.js';
import type { ErrorsTelemetry } from './telemetry.js';

export interface ErrorsServiceDeps {
  readonly bus: Pick<Bus, 'signal'>;
  readonly stream: Stream;
  readonly store: { readonly ledger: Ledger; readonly jobs: Pick<Jobs, 'planOf'> };
  /** Where events lie that cannot be applied. */
  readonly blobs: Pick<Blobs, 'put'>;
  readonly telemetry: ErrorsTelemetry;
  /** Days that errors are kept. Default 30. */
  readonly retentionDays?: number;
}

export interface ErrorsService {
  start(): Promise<void>;
  /** Finishes the batches it has; what comes after them goes to other members. */
  drain(): Promise<void>;
  isReady(): boolean;
}

const dayMs = 24 * 3_600_000;

/** Consumes step results: keeps the counts, stores the errors, ends the runs. Any number of replicas share the work. */
export function createErrorsService(deps: ErrorsServiceDeps): ErrorsService {
  const { bus, stream, store, blobs, telemetry, retentionDays = 30 } = deps;
  const { ledger, jobs } = store;
  const results = new ResultsConsumer({ bus, ledger, jobs, blobs, telemetry, retentionMs: retentionDays * dayMs });
  const position = (partition: number): Promise<bigint | null> => results.position(partition);
  let app: INestMicroservice | null = null;
  return {
    async start() {
      const starting = await NestFactory.createMicroservice(ErrorsModule.with(results, telemetry), {
        strategy: new StreamStrategy({ stream, group: resultsGroup, topics: { 'step-results': { position } } }),
        logger: false,
        abortOnError: false,
      });
      await starting.listen();
      app = starting;
    },
    async drain() {
      const running = app;
      app = null;
      await running?.close();
    },
    isReady: () => app !== null,
  };
}
