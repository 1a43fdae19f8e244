import { logLevel, type LogEntry, type logCreator } from 'kafkajs';
import type { StreamLog, StreamLogEntry } from '../stream-log.js';

/**
 * The client says "error" about everything that it then retries by itself, so its words come one level lower here. What
 * it gives up on reaches the caller, or the log of the adapter, as an error.
 */
const levels: Readonly<Record<number, StreamLogEntry['level']>> = {
  [logLevel.ERROR]: 'warn',
  [logLevel.WARN]: 'info',
};

/** True by design here: a producer that gives up is replaced, see `producer-channel.ts`. */
const expectedWarning = 'Limiting retries for the idempotent producer may invalidate EoS guarantees';

export function createKafkaLogging(log: StreamLog): logCreator {
  return () =>
    ({ level, namespace, log: content }: LogEntry) => {
      const { message, timestamp: _timestamp, logger: _logger, ...details } = content;
      if (message === expectedWarning) return;
      log({ level: levels[level] ?? 'debug', message: `${namespace}: ${message}`, details });
    };
}
