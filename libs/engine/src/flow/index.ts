export * from './compile-flow.js';
export * from './run-page.js';
