import { compileFilter, compileMapper2 } from '#engine';
import { runContext } from '#engine/testing/contexts';
import { compileTransform } from '#engine/transform/index';
import type { JsonRecord, JsonValue } from '#model';
import { filterRules, keepByHand, mapByHand, mapping2 } from './fields.js';
import { pageText, type Product } from './records.js';
import { compiled, type EngineVariant } from './variant.js';

const size = 100;
const text = pageText(size);
const run = runContext();
const scope = { settings: {}, roots: {} };

const { filter } = compiled(compileFilter(filterRules, { settings: {}, source: 'output_filter' }));
const transform = compiled(
  compileTransform(
    {
      expression: {
        version: '2',
        rulesTwoDotZero: {
          mode: 'modify',
          mappings: [{ status: 'Active', dataType: 'string', generate: 'supplier', extract: '$.supplier' }],
        },
      },
    },
    scope,
  ),
);
const { map } = compiled(compileMapper2(mapping2, { lookups: [], source: 'mapping', input: 'record', scope }));

function pass(record: JsonRecord): JsonValue {
  const shaped = 'map' in transform ? transform.map(record, run) : { value: record };
  const mapped = 'failure' in shaped ? shaped : map(shaped.value, run);
  if ('failure' in mapped) throw new Error(mapped.failure.message);
  return mapped.value;
}

/** Parse, filter, transform, map, serialise: all that happens to a page that is only copied. */
export const pageVariant: EngineVariant = {
  name: `page of ${size}: filter, transform, map, serialise`,
  records: size,
  target: 0.6,
  byHand: () => {
    const mapped: object[] = [];
    for (const product of JSON.parse(text) as Product[]) {
      if (keepByHand(product)) mapped.push(mapByHand({ ...product, supplier: product.supplier }));
    }
    return JSON.stringify(mapped);
  },
  compiled: () => {
    const mapped: JsonValue[] = [];
    for (const record of JSON.parse(text) as JsonRecord[]) if (filter(record) === true) mapped.push(pass(record));
    return JSON.stringify(mapped);
  },
};
