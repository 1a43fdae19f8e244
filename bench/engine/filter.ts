import { compileFilter } from '#engine';
import { filterRules, keepByHand } from './fields.js';
import { products, records } from './records.js';
import { compiled, type EngineVariant } from './variant.js';

const { filter } = compiled(compileFilter(filterRules, { settings: {}, source: 'output_filter' }));

export const filterVariant: EngineVariant = {
  name: 'filter of four conditions',
  records: records.length,
  target: 0.2,
  byHand: () => products.filter((product) => keepByHand(product)).length,
  compiled: () => records.filter((record) => filter(record) === true).length,
};
