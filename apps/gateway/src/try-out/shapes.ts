import { z } from 'zod';
import { exportInput, importInput } from '#model';
import { anyRecord, exportInvokeRequest, pagedExportState, records } from '#try-outs';

/** Requests and answers of everything that is tried out. Reference: resources §3.1, §4.1, §5.1, §6.1. */

const problem = z.object({ code: z.string(), message: z.string(), source: z.string().optional() });

export const virtualExportRequest = z.object({
  export: exportInput.partial({ name: true }).describe('An export that is not stored; the connection is its own.'),
  data: exportInvokeRequest.shape.data,
});

export const virtualExportAnswer = z.object({
  data: z.array(z.unknown()),
  dataURIs: z.array(z.string()).optional(),
  errors: z.array(problem).optional().describe('Records that failed, and why reading ended early.'),
});

export const pagedExportRequest = virtualExportRequest.omit({ data: true }).extend({
  pagedExportState: pagedExportState.optional().describe('As the last answer gave it; absent for the first page.'),
});

export const pagedExportAnswer = virtualExportAnswer.extend({
  pagedExportState: pagedExportState.optional().describe('Absent when reading ended early.'),
});

export const lookupResponses = z
  .array(
    z.object({
      statusCode: z.number().int(),
      data: z.array(z.unknown()).describe('What was found.'),
      ignored: z.boolean().optional(),
      errors: z.array(problem).optional(),
    }),
  )
  .describe('Of a lookup with `data`: by position, what was found for each record.');

export const exportPreviewRequest = exportInput.partial({ name: true }).extend({
  postData: z
    .object({ lastExportDateTime: z.string().optional(), currentExportDateTime: z.string().optional() })
    .optional(),
});

export const exportPreviewAnswer = virtualExportAnswer.extend({
  stages: z.array(
    z.object({ name: z.string(), errors: z.array(problem), data: z.unknown().optional() }).describe('In order.'),
  ),
});

export const virtualImportRequest = z.object({
  import: importInput.partial({ name: true }).describe('An import that is not stored; the connection is its own.'),
  data: records,
});

export const importPreviewRequest = importInput.partial({ name: true }).extend({
  data: z.union([records, anyRecord]).optional().describe('Records, or one; default: `sampleData`.'),
  send: z.boolean().optional().describe('Really send. Default false: nothing leaves the platform.'),
});

export const importResponses = z.array(
  z.object({
    statusCode: z.number().int(),
    id: z.string().optional(),
    ignored: z.boolean().optional(),
    errors: z.array(problem).optional(),
    _json: z.unknown().optional(),
    dataURI: z.string().optional(),
  }),
);

export const mappedRecords = z
  .array(z.unknown())
  .describe('Mapped records by position; one that failed is {errors} (decision 21).');

export const importPreviewAnswer = z.object({
  data: mappedRecords,
  requests: z.array(
    z.object({
      system: z.string(),
      method: z.string(),
      target: z.string().describe('The URL, the database or the path of the file.'),
      headers: z.record(z.string(), z.string()).optional(),
      body: z.string().optional(),
      records: z.array(z.number().int()).describe('Positions of the records it carries.'),
      error: problem.optional(),
    }),
  ),
  responses: importResponses.optional().describe('When it was really sent.'),
  stages: z.array(z.object({ name: z.string(), errors: z.array(problem), data: z.unknown().optional() })),
});

export const templateRequest = z.object({
  template: z.string().max(1_048_576),
  data: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('What the template sees: `record`, `settings` and so on.'),
  target: z
    .enum(['uri', 'sql', 'xml', 'json', 'text', 'header'])
    .optional()
    .describe('Where the text goes; decides how double braces print. Default `text`.'),
});

export const templateAnswer = z.object({ data: z.string().optional(), errors: z.array(problem) });

export const scriptRequest = z
  .object({
    _scriptId: z.string().optional().describe('A stored script.'),
    content: z.string().max(1_048_576).optional().describe('JavaScript, instead of a stored script.'),
    function: z.string().min(1).max(200),
    options: z.record(z.string(), z.unknown()).optional(),
  })
  .describe('One of _scriptId and content.');

export const scriptAnswer = z.object({
  data: z.unknown().optional().describe('What the function returned.'),
  errors: z.array(problem),
  logs: z.array(z.object({ time: z.string(), level: z.string(), message: z.string() })).describe('What it wrote.'),
});

export const testRunRequest = z.object({
  _exportId: z.string().optional().describe('The page generator; default: the first.'),
  triggeredAt: z.iso.datetime({ offset: true }).optional().describe('The time of the run, ISO 8601; default: now.'),
  mocks: z
    .record(z.string(), z.array(z.unknown()))
    .optional()
    .describe(
      'By step id: records of a generator or lookup, responses of an import, in place of its own mockOutput or mockResponse.',
    ),
});

const testJob = z.object({
  _id: z.string().optional(),
  type: z.string(),
  status: z.string(),
  _flowId: z.string(),
  _exportId: z.string().optional(),
  _importId: z.string().optional(),
  routerId: z.string().optional(),
  _flowJobId: z.string().optional(),
  oIndex: z.number().int().optional(),
  startedAt: z.string(),
  endedAt: z.string(),
  numSuccess: z.number().int(),
  numError: z.number().int(),
  numIgnore: z.number().int(),
  numPagesGenerated: z.number().int().optional(),
  failure: problem.optional().describe('Why there is no page, or not all of it.'),
});

const testStages = z.array(
  z.object({
    name: z.string(),
    input: z.unknown().optional(),
    output: z.unknown().optional(),
    errors: z.array(problem),
  }),
);

export const testStepAnswer = z.object({ stages: testStages });

export const testExchangesAnswer = z.object({
  logs: z.array(z.object({ request: z.unknown(), response: z.unknown() })).describe('Secrets removed, in order.'),
});

export const testRunAnswer = z.object({
  metadata: z.object({
    _runId: z.string(),
    _flowId: z.string(),
    _exportId: z.string(),
    triggeredAt: z.string(),
    testMode: z.literal(true),
  }),
  flowJob: testJob,
  childJobs: z.array(
    testJob.extend({
      stages: testStages,
    }),
  ),
});
