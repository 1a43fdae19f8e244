import { z } from 'zod';
import { ContractError } from './message.js';

/**
 * Try-outs: work that somebody waits for (previews, invocations, virtual exports and imports, test runs). The gateway asks
 * over the bus, an executor answers; nothing is stored on the way.
 */
export const tryOutTopic = 'try-out';

const id = z.string().regex(/^[0-9a-f]{24}$/);
const count = z.number().int().nonnegative();
const anyObject = z.record(z.string(), z.unknown());

/** What an executor must know before it looks at the task. */
export const tryOutHeader = z.object({
  v: z.literal(1),
  /** names the try-out in the signal `tryOutCanceled` */
  id,
  accountId: id,
  /** ISO 8601; nobody waits any longer then */
  deadline: z.string(),
  traceparent: z.string().optional(),
});
export type TryOutHeader = z.infer<typeof tryOutHeader>;

const common = {
  /** a `FlowPlan`: documents as stored, secrets sealed */
  plan: anyObject,
  /** stable over the pages of one export */
  runId: id,
  testMode: z.boolean(),
};

/** Where a paged read goes on: `skip` records into what the source gives from `cursor` on. */
export const readPosition = z.object({ cursor: anyObject.nullable(), skip: count });
export type ReadPosition = z.infer<typeof readPosition>;

/** Records of an export, from a position on. */
const readTask = z.object({
  kind: z.literal('read'),
  ...common,
  exportId: id,
  from: readPosition,
  /** of the page, within the reading of the export; hooks see it */
  pageIndex: count,
  /** at most; null: one page of the export's own size */
  maxRecords: count.nullable(),
  /** refuse what does not fit, instead of giving the next position */
  isWhole: z.boolean(),
  /** ISO 8601; the window that templates see, empty texts when there is none. Reference: runtime §3.1, §21. */
  lastExportDateTime: z.string().nullable(),
  currentExportDateTime: z.string(),
});

/** Records through an import. `map`: up to the mapping; `plan`: up to the requests; `send`: to the destination. */
const writeTask = z.object({
  kind: z.literal('write'),
  ...common,
  importId: id,
  until: z.enum(['map', 'plan', 'send']),
  records: z.array(z.unknown()),
});

/** Records through an export as a lookup: what it finds for each. Reference: runtime §9.2. */
const lookupTask = z.object({
  kind: z.literal('lookup'),
  ...common,
  exportId: id,
  records: z.array(z.unknown()),
  currentExportDateTime: z.string(),
});

/** One page of a flow through all of its steps, nothing imported. Reference: runtime §21. */
const flowTask = z.object({
  kind: z.literal('flow'),
  ...common,
  exportId: id,
  /** by step: what takes the place of its answers */
  mocks: z.record(z.string(), z.array(z.unknown())),
  currentExportDateTime: z.string(),
});

const scriptTask = z.object({
  kind: z.literal('script'),
  content: z.string(),
  function: z.string(),
  options: anyObject,
});

const templateTask = z.object({
  kind: z.literal('template'),
  template: z.string(),
  target: z.enum(['uri', 'sql', 'xml', 'json', 'text', 'header']),
  data: anyObject,
});

export const tryOutTask = z.discriminatedUnion('kind', [
  readTask,
  writeTask,
  lookupTask,
  flowTask,
  scriptTask,
  templateTask,
]);
export type TryOutTask = z.infer<typeof tryOutTask>;
export type TryOutTaskOf<K extends TryOutTask['kind']> = Extract<TryOutTask, { readonly kind: K }>;

const reason = z.object({
  code: z.string(),
  message: z.string(),
  source: z.string().optional(),
  /** the step that is meant */
  stepId: z.string().optional(),
});
export type TryOutReason = z.infer<typeof reason>;

/** What went in and out of one stage of a step, in the words of runtime §21. */
const stage = z.object({
  name: z.string(),
  input: z.unknown().optional(),
  output: z.unknown().optional(),
  errors: z.array(reason),
});
export type TryOutStage = z.infer<typeof stage>;

/** A request that an import would send, secrets removed. */
const plannedRequest = z.object({
  system: z.string(),
  method: z.string(),
  target: z.string(),
  headers: z.record(z.string(), z.string()).optional(),
  body: z.string().optional(),
  /** positions of its records */
  records: z.array(count),
  error: reason.optional(),
});

const stepReport = z.object({
  stepId: z.string(),
  type: z.enum(['export', 'import', 'router']),
  success: count,
  error: count,
  ignore: count,
  stages: z.array(stage),
});
export type TryOutStepReport = z.infer<typeof stepReport>;

export const tryOutReply = z.discriminatedUnion('kind', [
  z.object({
    v: z.literal(1),
    kind: z.literal('read'),
    data: z.array(z.unknown()),
    /** one per record; absent when the export renders none */
    dataURIs: z.array(z.string()).optional(),
    errors: z.array(reason),
    stages: z.array(stage),
    /** a failure ended the reading before the end of the source; `errors` says which */
    endedEarly: z.boolean(),
    /** null at the end of the source, and when reading ended early */
    next: readPosition.nullable(),
  }),
  z.object({
    v: z.literal(1),
    kind: z.literal('write'),
    /** by position: what is sent of a record, or `{errors}` (decision 21) */
    mapped: z.array(z.unknown()),
    requests: z.array(plannedRequest),
    /** by position, as hooks see them (runtime §9.3); empty unless sent */
    responses: z.array(anyObject),
    stages: z.array(stage),
  }),
  z.object({
    v: z.literal(1),
    kind: z.literal('lookup'),
    /** by position, as hooks see them: what was found, or why nothing was (runtime §9.2) */
    responses: z.array(anyObject),
  }),
  z.object({
    v: z.literal(1),
    kind: z.literal('flow'),
    pages: count,
    /** why the generator could not make its page, or all of it */
    fatal: reason.nullable(),
    steps: z.array(stepReport),
  }),
  z.object({
    v: z.literal(1),
    kind: z.literal('script'),
    /** absent when it returned nothing, and after a failure */
    value: z.unknown().optional(),
    error: reason.optional(),
    /** what it wrote; time in epoch ms */
    logs: z.array(z.object({ time: z.number(), level: z.string(), message: z.string() })),
  }),
  z.object({
    v: z.literal(1),
    kind: z.literal('template'),
    text: z.string().optional(),
    error: reason.optional(),
  }),
  z.object({
    v: z.literal(1),
    kind: z.literal('refused'),
    /** `busy`: later; `timeout`: it took too long; `too_large`: its answer would be; `invalid`: it cannot be executed */
    why: z.enum(['busy', 'timeout', 'too_large', 'invalid', 'failed']),
    reasons: z.array(reason),
  }),
]);
export type TryOutReply = z.infer<typeof tryOutReply>;
export type TryOutReplyOf<K extends TryOutReply['kind']> = Extract<TryOutReply, { readonly kind: K }>;

const newline = 0x0a;

/** The header on a line of its own, then the task: whoever only hands it on need not parse records. */
export function encodeTryOut(header: TryOutHeader, task: TryOutTask): Uint8Array {
  return Buffer.from(`${JSON.stringify(header)}\n${JSON.stringify(task)}`);
}

/** @throws ContractError */
export function decodeTryOutHeader(bytes: Uint8Array): TryOutHeader {
  return parse(tryOutHeader, bytes.subarray(0, lineEnd(bytes)), 'header');
}

/** @throws ContractError */
export function decodeTryOutTask(bytes: Uint8Array): TryOutTask {
  return parse(tryOutTask, bytes.subarray(lineEnd(bytes) + 1), 'task');
}

export function encodeTryOutReply(reply: TryOutReply): Uint8Array {
  return Buffer.from(JSON.stringify(reply));
}

/** @throws ContractError */
export function decodeTryOutReply(bytes: Uint8Array): TryOutReply {
  return parse(tryOutReply, bytes, 'reply');
}

function lineEnd(bytes: Uint8Array): number {
  const at = bytes.indexOf(newline);
  if (at < 0) throw new ContractError('try-out: it has no header');
  return at;
}

function parse<S extends z.ZodType>(schema: S, bytes: Uint8Array, what: string): z.infer<S> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  } catch (cause) {
    throw new ContractError(`try-out ${what}: not JSON`, { cause });
  }
  const result = schema.safeParse(parsed);
  if (!result.success) throw new ContractError(`try-out ${what}: ${result.error.message}`);
  return result.data;
}
