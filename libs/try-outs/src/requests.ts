import { z } from 'zod';
import { pagedExportState } from './paged-states.js';

/** Bodies of requests that an executor answers, for the API and for scripts that call it. Reference: resources §4.1, §5.1, §6.1. */

export const anyRecord = z.union([z.record(z.string(), z.unknown()), z.array(z.unknown())]);
export const records = z.array(anyRecord);

const lookedUp = records
  .optional()
  .describe('Records for a lookup (`isLookup`): the answer is what it finds for each.');

export const exportInvokeRequest = z.object({ pagedExportState: pagedExportState.optional(), data: lookedUp });

export const importInvokeRecords = records.describe('Records; {data:[…]} is accepted, too.');
export const importInvokeRequest = z.union([records, z.object({ data: records })]);

/** The document itself is validated as one that is to be stored. */
const definition = z.record(z.string(), z.unknown());

export const virtualExportBody = z.object({ export: definition, data: lookedUp });
export const virtualPageBody = z.object({ export: definition, pagedExportState: pagedExportState.optional() });
export const virtualImportBody = z.object({ import: definition, data: records });
