export * from './compile-mapping.js';
export type { LookupAnswer, LookupAnswers, MappingOptions } from './plan.js';
