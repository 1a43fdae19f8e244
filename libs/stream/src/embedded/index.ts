export * from './embedded-stream.js';
export type { PauseRange } from '../pauses.js';
export type { StreamLog, StreamLogEntry } from '../stream-log.js';
