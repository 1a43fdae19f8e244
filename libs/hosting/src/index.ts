export * from './kept-secret.js';
export * from './port-metrics.js';
export * from './ports.js';
export * from './run-service.js';
