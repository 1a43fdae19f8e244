export * from './compile-flow.js';
export * from './compile-processors.js';
export * from './may-go-on.js';
export * from './plain-import.js';
export * from './post-aggregate.js';
export * from './run-page.js';
export { recordOfChild } from './units.js';
