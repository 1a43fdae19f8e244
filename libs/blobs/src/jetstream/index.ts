export * from './jetstream-blobs.js';
