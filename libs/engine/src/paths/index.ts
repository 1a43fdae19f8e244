export * from './extract.js';
export * from './getter.js';
export * from './json-path.js';
export * from './own.js';
export * from './segments.js';
export * from './setter.js';
