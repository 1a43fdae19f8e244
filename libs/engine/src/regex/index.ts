export * from './pattern.js';
export * from './pattern-cache.js';
export * from './pattern-error.js';
