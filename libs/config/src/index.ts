export * from './define.js';
export * from './environment.js';
export * from './sections.js';
