import { compileMapper1, compileMapper2, type MappingOptions, type RecordMap } from '#engine';
import { runContext } from '#engine/testing/contexts';
import type { JsonRecord } from '#model';
import { mapByHand, mapping1, mapping2 } from './fields.js';
import { products, records } from './records.js';
import { compiled, type EngineVariant } from './variant.js';

const options: MappingOptions = {
  lookups: [],
  source: 'mapping',
  input: 'record',
  scope: { settings: {}, roots: {} },
};
const run = runContext();

function variantOf(name: string, map: RecordMap): EngineVariant {
  const valueOf = (record: JsonRecord) => {
    const mapped = map(record, run);
    if ('failure' in mapped) throw new Error(mapped.failure.message);
    return mapped.value;
  };
  return {
    name,
    records: records.length,
    target: 0.33,
    byHand: () => products.map((product) => mapByHand(product)),
    compiled: () => records.map((record) => valueOf(record)),
  };
}

export const mapper1Variant = variantOf(
  'mapping 1.0 of twenty fields',
  compiled(compileMapper1(mapping1, options)).map,
);
export const mapper2Variant = variantOf('Mapper 2.0 of twenty fields', compiled(compileMapper2(mapping2, options)).map);
