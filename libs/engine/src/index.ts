export * from './codes.js';
export * from './filter/index.js';
export * from './flow/index.js';
export type * from './functions.js';
export type { GroupKey } from './grouping.js';
export * from './mapping/index.js';
export * from './program.js';
export type * from './stages.js';
export * from './trace-key.js';
