import { PositionConflict } from '#store';
import type { StreamBatch } from '#stream';
import { OnTopic } from '#stream/nest/stream-strategy';
import { Controller, Inject } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { errorsTelemetry, type ErrorsTelemetry } from '../telemetry.js';
import { ResultsConsumer } from './results-consumer.js';

/** `step-results`: one batch per partition at a time. */
@Controller()
export class ResultsController {
  constructor(
    private readonly results: ResultsConsumer,
    @Inject(errorsTelemetry) private readonly telemetry: ErrorsTelemetry,
  ) {}

  @OnTopic('step-results')
  async apply(@Payload() batch: StreamBatch): Promise<void> {
    try {
      await this.results.handle(batch);
    } catch (error) {
      // Told here, because on its way to the stream Nest replaces the error by a general one.
      if (error instanceof PositionConflict) this.telemetry.partitionMoved({ partition: batch.partition });
      else this.telemetry.batchFailed({ partition: batch.partition, events: batch.events.length }, error);
      throw error;
    }
  }
}
