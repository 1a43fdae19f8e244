export * from './compile-transform.js';
