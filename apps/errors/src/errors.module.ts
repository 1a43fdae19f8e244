import { Module, type DynamicModule } from '@nestjs/common';
import { ResultsConsumer } from './consume-results/results-consumer.js';
import { ResultsController } from './consume-results/results.controller.js';
import { errorsTelemetry, type ErrorsTelemetry } from './telemetry.js';

@Module({})
export class ErrorsModule {
  static with(results: ResultsConsumer, telemetry: ErrorsTelemetry): DynamicModule {
    return {
      module: ErrorsModule,
      controllers: [ResultsController],
      providers: [
        { provide: ResultsConsumer, useValue: results },
        { provide: errorsTelemetry, useValue: telemetry },
      ],
    };
  }
}
