export * from './compile-filter.js';
export * from './run-values.js';
