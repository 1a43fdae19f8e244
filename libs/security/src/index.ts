export * from './egress.js';
export * from './mask.js';
export * from './secret-box.js';
export * from './tokens.js';
export * from './signer.js';
export * from './one-time-tokens.js';
