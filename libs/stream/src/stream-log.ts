/** What an adapter has to say that no caller can be told through a result: a failing handler, a lost connection. */
export interface StreamLogEntry {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  /** topic, partition, group and the like; no payload */
  readonly details: Readonly<Record<string, unknown>>;
  readonly error?: unknown;
}

export type StreamLog = (entry: StreamLogEntry) => void;

/** Adapters are silent unless they are given somewhere to speak. */
export const silentLog: StreamLog = () => undefined;
