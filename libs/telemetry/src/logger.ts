import { trace } from '@opentelemetry/api';
import { pino, type Logger as PinoLogger } from 'pino';

/** JSON logs with trace ids. Normal operation is silent: metrics count, logs are for people who must act. */
export interface Logger {
  trace(fields: object, message: string): void;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: Record<string, unknown>): Logger;
}

/** Names under which a secret could stand in a logged object; the value is replaced. */
const secretPaths = [
  'authorization',
  'password',
  'token',
  'secret',
  'clientSecret',
  'accessToken',
  'refreshToken',
  'cookie',
];

export function createLogger(options: { service: string; instance: string; level: string }): Logger {
  const logger: PinoLogger = pino({
    level: options.level,
    base: { service: options.service, instance: options.instance },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: [...secretPaths, ...secretPaths.map((p) => `*.${p}`), ...secretPaths.map((p) => `*.*.${p}`)],
      censor: '******',
    },
    serializers: { error: pino.stdSerializers.err },
    formatters: { level: (label) => ({ level: label }) },
    mixin: () => {
      const active = trace.getActiveSpan()?.spanContext();
      return active ? { traceId: active.traceId, spanId: active.spanId } : {};
    },
  });
  return logger;
}

/** For tests and tools that want silence. */
export const silentLogger: Logger = createLogger({ service: 'silent', instance: 'silent', level: 'silent' });
