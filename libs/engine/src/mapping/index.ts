export * from './compile-mapping.js';
export type { MappingOptions } from './plan.js';
