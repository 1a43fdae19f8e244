import { z } from 'zod';
import { anyObject } from '#model/fields';

const instantOrDay = z.union([z.iso.datetime({ offset: true }), z.iso.date()]);
const id = z.string().regex(/^[0-9a-f]{24}$/);

/** Optional body of a start. Reference: resources §3.1. */
export const startRunRequest = z.object({
  export: z
    .object({
      /** becomes `lastExportDateTime` */
      startDate: instantOrDay.nullish(),
      /** becomes `currentExportDateTime` */
      endDate: instantOrDay.nullish(),
    })
    .nullish(),
  /** page generators to run; absent: all */
  _exportIds: z.array(id).min(1).max(1000).nullish(),
  /** parameters of the run, shown to its expressions as `job.input`; must meet the flow's `inputSchema` */
  input: anyObject().nullish(),
});
export type StartRunRequest = z.infer<typeof startRunRequest>;

export const startRunAnswer = z.object({ _jobId: z.string() });
