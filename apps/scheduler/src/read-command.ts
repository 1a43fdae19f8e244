import type { Delivery } from '#bus';
import { ContractError } from '#contracts';
import type { SchedulerTelemetry } from './telemetry.js';

interface Contract<T> {
  decode(bytes: Uint8Array): T;
}

/** The command in a delivery; null, and moved to the dead letters, when it is none. */
export async function readCommand<T>(
  delivery: Delivery,
  contract: Contract<T>,
  telemetry: SchedulerTelemetry,
): Promise<T | null> {
  try {
    return contract.decode(await delivery.body());
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    telemetry.commandRejected({ queue: delivery.queue, id: delivery.id, reason: error.message });
    await delivery.reject(error.message);
    return null;
  }
}
