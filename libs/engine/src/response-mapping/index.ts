export * from './compile-response-mapping.js';
