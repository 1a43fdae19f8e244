export * from './check-input.js';
