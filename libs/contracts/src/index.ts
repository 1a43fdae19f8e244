export * from './commands.js';
export * from './message.js';
export * from './offers.js';
export * from './results.js';
export * from './signals.js';
export * from './try-out.js';
export * from './work.js';
export * from './stream-letter.js';
