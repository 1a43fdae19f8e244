import type { Delivery } from '#bus';
import { doublingBackoffMs, OnQueue } from '#bus/nest/bus-strategy';
import { runCancel } from '#contracts';
import { Controller, Inject } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import type { Clock } from '#clock';
import { readCommand } from '../read-command.js';
import { schedulerTelemetry, type SchedulerTelemetry } from '../telemetry.js';
import { CancelRun } from './cancel-run.js';

/** How a cancel holds on to its command. */
export interface CancelLease {
  readonly leaseMs: number;
  readonly clock: Clock;
  /** Aborts at shutdown: the command is handed back, and another replica goes on. */
  readonly closing: AbortSignal;
}

export const cancelLease = Symbol('cancel lease');

/** `cmd.run.cancel`: stays leased until the run has drained, so a scheduler that dies on the way is replaced. */
@Controller()
export class CancelRunController {
  constructor(
    private readonly cancelRun: CancelRun,
    @Inject(cancelLease) private readonly lease: CancelLease,
    @Inject(schedulerTelemetry) private readonly telemetry: SchedulerTelemetry,
  ) {}

  @OnQueue('cmd.run.cancel')
  async cancel(@Payload() delivery: Delivery): Promise<void> {
    const command = await readCommand(delivery, runCancel, this.telemetry);
    if (!command) return;
    const { clock, leaseMs, closing } = this.lease;
    let extendAtMs = clock.now() + leaseMs / 3;
    const extend = async (): Promise<void> => {
      if (clock.now() < extendAtMs) return;
      await delivery.extend();
      extendAtMs = clock.now() + leaseMs / 3;
    };
    try {
      if (!(await this.cancelRun.cancel(command.jobId, extend, closing))) await delivery.nack(0);
    } catch (error) {
      this.telemetry.failed('a run could not be canceled; trying again', error, { runId: command.jobId });
      await delivery.nack(doublingBackoffMs(delivery.attempt));
    }
  }
}
