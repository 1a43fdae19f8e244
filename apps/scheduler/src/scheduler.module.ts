import { Module, type DynamicModule } from '@nestjs/common';
import { CancelRun } from './cancel-run/cancel-run.js';
import { cancelLease, CancelRunController, type CancelLease } from './cancel-run/cancel-run.controller.js';
import { schedulerTelemetry, type SchedulerTelemetry } from './telemetry.js';

export interface SchedulerModuleParts {
  readonly cancelRun: CancelRun;
  readonly cancelLease: CancelLease;
  readonly telemetry: SchedulerTelemetry;
}

/** The commands a scheduler takes. What only its leader does runs beside them (scheduler.ts). */
@Module({})
export class SchedulerModule {
  static with(parts: SchedulerModuleParts): DynamicModule {
    return {
      module: SchedulerModule,
      controllers: [CancelRunController],
      providers: [
        { provide: CancelRun, useValue: parts.cancelRun },
        { provide: cancelLease, useValue: parts.cancelLease },
        { provide: schedulerTelemetry, useValue: parts.telemetry },
      ],
    };
  }
}
