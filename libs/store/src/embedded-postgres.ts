export { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded/server.js';
