export * from './compile-template.js';
export * from './format.js';
export * from './template.js';
