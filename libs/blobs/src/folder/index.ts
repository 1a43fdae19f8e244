export * from './folder-blobs.js';
