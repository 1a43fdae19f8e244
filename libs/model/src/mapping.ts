import { z } from 'zod';
import { anyObject } from './fields.js';

const dates = {
  extractDateFormat: z.string().optional(),
  extractDateTimezone: z.string().optional(),
  generateDateFormat: z.string().optional(),
  generateDateTimezone: z.string().optional(),
};

/** `dataType` and similar are told apart when the mapping is compiled; unknown ones are refused there and here. */
const mapping1Field = z.object({
  extract: z.string().optional(),
  generate: z.string().optional(),
  hardCodedValue: z.unknown().optional(),
  lookupName: z.string().optional(),
  hardCodedLookup: z.unknown().optional(),
  dataType: z.enum(['string', 'number', 'boolean', 'numberarray', 'stringarray', 'json']).optional(),
  ...dates,
  default: z.unknown().optional(),
  discardIfEmpty: z.boolean().optional(),
  immutable: z.boolean().optional(),
  internalId: z.boolean().optional(),
  isKey: z.boolean().optional(),
  useFirstRow: z.boolean().optional(),
  useAsAnInitializeValue: z.boolean().optional(),
  conditional: z
    .object({
      when: z
        .enum([
          'record_created',
          'record_updated',
          'extract_not_empty',
          'lookup_not_empty',
          'lookup_empty',
          'ignore_if_set',
        ])
        .optional(),
      lookupName: z.string().optional(),
    })
    .optional(),
  subRecordMapping: anyObject().optional(),
});
export type Mapping1Field = z.infer<typeof mapping1Field>;

const mapping1List = z.object({
  generate: z.string().optional(),
  jsonPath: z.string().optional(),
  extract: z.string().optional(),
  fields: z.array(mapping1Field).optional(),
});
export type Mapping1List = z.infer<typeof mapping1List>;

/** Mapper 1.0. Reference: runtime §12. */
export const mapping1 = () =>
  z.object({ fields: z.array(mapping1Field).optional(), lists: z.array(mapping1List).optional() });
export type Mapping1 = z.infer<ReturnType<typeof mapping1>>;

export const mapping2DataTypes = [
  'string',
  'number',
  'boolean',
  'object',
  'stringarray',
  'numberarray',
  'booleanarray',
  'objectarray',
  'arrayarray',
] as const;

/** What `extract` finds is copied as it is, instead of mapping children of it. */
export type CopySource = 'yes' | 'no' | boolean;

/** Whether an object, or each object of an array, is copied; the children of what is copied are not mapped. */
export function isCopied({ copySource }: { readonly copySource?: CopySource | undefined }): boolean {
  return copySource === 'yes' || copySource === true;
}

/** One entry of Mapper 2.0. Reference: runtime §13. */
export interface MappingField2 {
  generate?: string;
  dataType?: (typeof mapping2DataTypes)[number];
  status?: 'Active' | 'Draft';
  extract?: string;
  sourceDataType?: string;
  extractDateFormat?: string;
  extractDateTimezone?: string;
  generateDateFormat?: string;
  generateDateTimezone?: string;
  /** null is itself a value; absent means none */
  default?: unknown;
  lookupName?: string;
  hardCodedValue?: unknown;
  description?: string;
  conditional?: { when?: 'record_created' | 'record_updated' | 'extract_not_empty' };
  /** of an `object`; of an `objectarray` without helpers */
  copySource?: CopySource;
  mappings?: MappingField2[];
  buildArrayHelper?: MappingArrayHelper[];
}

/** How one part of a target array is built. */
export interface MappingArrayHelper {
  extract?: string;
  sourceDataType?: string;
  default?: unknown;
  conditional?: { when?: 'extract_not_empty' };
  /** of an `objectarray` */
  copySource?: CopySource;
  mappings?: MappingField2[];
}

export type Mapping2 = MappingField2[];

const copySource = () => z.literal(['yes', 'no', true, false]).optional();

const arrayHelper: z.ZodType<MappingArrayHelper> = z.lazy(() =>
  z.object({
    extract: z.string().optional(),
    sourceDataType: z.string().optional(),
    default: z.unknown().optional(),
    conditional: z.object({ when: z.enum(['extract_not_empty']).optional() }).optional(),
    copySource: copySource(),
    mappings: z.array(mappingField2).optional(),
  }),
);

/** `status` and the data type are checked by {@link checkMapping2}, which knows that drafts are not validated. */
export const mappingField2: z.ZodType<MappingField2> = z
  .lazy(() =>
    z.object({
      generate: z.string().optional(),
      dataType: z.enum(mapping2DataTypes).optional(),
      status: z.enum(['Active', 'Draft']).optional(),
      extract: z.string().optional(),
      sourceDataType: z.string().optional(),
      ...dates,
      default: z.unknown().optional(),
      lookupName: z.string().optional(),
      hardCodedValue: z.unknown().optional(),
      description: z.string().optional(),
      conditional: z
        .object({ when: z.enum(['record_created', 'record_updated', 'extract_not_empty']).optional() })
        .optional(),
      copySource: copySource(),
      mappings: z.array(mappingField2).optional(),
      buildArrayHelper: z.array(arrayHelper).optional(),
    }),
  )
  .meta({ id: 'MappingField2' });

export const mapping2List = () => z.array(mappingField2);
