export * from './kafka-options.js';
export * from './kafka-stream.js';
export type { PauseRange } from '../pauses.js';
export type { StreamLog, StreamLogEntry } from '../stream-log.js';
