import { z } from 'zod';
import { anyObject, functionReference } from './fields.js';
import { mapping2List } from './mapping.js';
import { lookup } from './lookup.js';

/** Nested prefix array such as `["equals", ["extract", "a"], 1]`; empty passes. Reference: runtime §10. */
const rules = () => z.array(z.unknown());

/** Filter of an export, lookup or import. Live objects repeat `rules` and `version` at the top level. */
export const filterExpression = () =>
  z.object({
    type: z.enum(['expression', 'script']).optional(),
    expression: z.object({ version: z.literal('1').optional(), rules: rules().optional() }).optional(),
    script: functionReference().optional(),
    rules: rules().optional(),
    version: z.string().optional(),
  });
export type FilterExpression = z.infer<ReturnType<typeof filterExpression>>;

/** Filter of a branch: absent or empty is catch-all. Reference: resources §3.5. */
export const branchFilter = () => z.object({ version: z.string().optional(), rules: rules().optional() });
export type BranchFilter = z.infer<ReturnType<typeof branchFilter>>;

/** One rule of transform 1.0. */
const transformRule = z.object({
  extract: z.string().optional(),
  generate: z.string().optional(),
  key: z.string().optional(),
});

/** Reference: runtime §11. */
export const transformExpression = () =>
  z.object({
    type: z.enum(['expression', 'script']).optional(),
    expression: z
      .object({
        version: z.enum(['1', '2']).optional(),
        rules: z.array(z.array(transformRule)).optional(),
        rulesTwoDotZero: z
          .object({
            mode: z.enum(['create', 'modify']).optional(),
            mappings: mapping2List().optional(),
            lookups: z.array(lookup()).optional(),
            inputContext: z.enum(['record', 'envelope']).optional(),
          })
          .optional(),
      })
      .optional(),
    script: functionReference().optional(),
    rules: z.array(z.array(transformRule)).optional(),
    version: z.string().optional(),
  });
export type TransformExpression = z.infer<ReturnType<typeof transformExpression>>;

/** XML parser of an export. Reference: resources §4.2, runtime §6. */
export const xmlParser = () =>
  z.object({
    version: z.string().optional(),
    type: z.literal('xml').optional(),
    name: z.string().optional(),
    rules: z
      .object({
        V0_json: z.boolean().optional(),
        listNodes: z.array(z.string()).optional(),
        includeNodes: z.array(z.string()).optional(),
        excludeNodes: z.array(z.string()).optional(),
        stripNewLineChars: z.boolean().optional(),
        trimSpaces: z.boolean().optional(),
        attributePrefix: z.string().optional(),
        textNodeName: z.string().optional(),
      })
      .optional(),
  });
export type XmlParser = z.infer<ReturnType<typeof xmlParser>>;

/** Records a step hands out in test runs instead of its source's. Reference: resources §4.2. */
export const mockOutput = () =>
  z.object({ page_of_records: z.array(z.object({ record: z.union([anyObject(), z.array(z.unknown())]) })).max(10) });
