export * from './health-server.js';
export * from './logger.js';
export * from './metrics.js';
export * from './spans.js';
export * from './start.js';
export * from './trace-context.js';
