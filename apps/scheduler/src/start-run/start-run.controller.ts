import type { Delivery } from '#bus';
import { doublingBackoffMs, OnQueue } from '#bus/nest/bus-strategy';
import { runStart } from '#contracts';
import { Controller, Inject } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { readCommand } from '../read-command.js';
import { schedulerTelemetry, type SchedulerTelemetry } from '../telemetry.js';
import { StartRun } from './start-run.js';

/** `cmd.run.start`: a hint to look at a queued job now. Acknowledged once the job was started or need not be. */
@Controller()
export class StartRunController {
  constructor(
    private readonly startRun: StartRun,
    @Inject(schedulerTelemetry) private readonly telemetry: SchedulerTelemetry,
  ) {}

  @OnQueue('cmd.run.start')
  async start(@Payload() delivery: Delivery): Promise<void> {
    const command = await readCommand(delivery, runStart, this.telemetry);
    if (!command) return;
    try {
      await this.startRun.start(command);
    } catch (error) {
      this.telemetry.failed('a run could not be started; trying again', error, { runId: command.jobId });
      await delivery.nack(doublingBackoffMs(delivery.attempt));
    }
  }
}
