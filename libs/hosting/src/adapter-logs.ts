import type { ReportError } from '#bus/delivery-runner';
import type { StreamLog } from '#stream/stream-log';
import type { Logger } from '#telemetry';

/** What adapters say that no caller can be told, into the process's log. */
export function busReporter(logger: Logger): ReportError {
  return (error, doing) => logger.warn({ error, doing }, 'the bus reports a failure; it goes on by itself');
}

export function streamLog(logger: Logger): StreamLog {
  return ({ level, message, details, error }) =>
    logger[level]({ ...details, ...(error === undefined ? {} : { error }) }, message);
}
