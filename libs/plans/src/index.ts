export * from './flow-documents.js';
export * from './references.js';
export * from './snapshot.js';
export * from './step-alone.js';
