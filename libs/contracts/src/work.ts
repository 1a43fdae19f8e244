import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { z } from 'zod';
import { ContractError } from './message.js';

/**
 * Work messages. What an executor must know before it touches the body travels in the header `millrace` (JSON), so that
 * a headers-only lease can decide; the body holds records.
 */

const id = z.string().regex(/^[0-9a-f]{24}$/);
const count = z.number().int().nonnegative();

/** Absolute totals of a generator up to a slice: idempotent to report, exact because they ride in the chain itself (P3). */
export const generatorTotals = z.object({
  /** pages published */
  pages: count,
  /** records in those pages: `numSuccess` of the generator */
  records: count,
  /** dropped by its output filter */
  ignored: count,
  /** records that failed in reading or shaping */
  failed: count,
});
export type GeneratorTotals = z.infer<typeof generatorTotals>;

/**
 * `work.generate`, key = run. A generator is a chain: each message asks for one slice of the source and is replaced, in
 * one atomic batch with the pages of its slice, by the message for the next slice or for the end.
 * Message id: `<runId>/<ordinal>/<slice>` or `<runId>/<ordinal>/end`. Where imports want to hear of the files that they wrote
 * (`postAggregate`), the end of the last generator leaves `<runId>/aggregate`, which waits until it is the run's last message.
 */
export const generateHeader = z.object({
  v: z.literal(1),
  kind: z.enum(['slice', 'end', 'aggregate']),
  runId: id,
  accountId: id,
  flowId: id,
  /** names the plan (snapshot of the flow) in the store */
  planId: z.string(),
  exportId: id,
  /** which of the run's generators, in order of execution; sequential generators start the next at their end */
  ordinal: count,
  slice: count,
  /** index of the next page of this generator */
  nextPage: count,
  totals: generatorTotals,
  /** on `end`: whether the source was read to its end (decision 4) */
  complete: z.boolean().optional(),
});
export type GenerateHeader = z.infer<typeof generateHeader>;

/** Body of a slice message: where to read on, and records read but not yet enough for a page (decision 3). */
export const generateBody = z.object({
  cursor: z.record(z.string(), z.unknown()).nullable(),
  carried: z.array(z.unknown()),
});
export type GenerateBody = z.infer<typeof generateBody>;

/** The end of a generator. */
const generatorEnd = z.object({
  /** as the `end` message would say it: one more than the last slice's */
  slice: count,
  totals: generatorTotals,
  /** whether the source was read to its end (decision 4) */
  complete: z.boolean(),
});

/** What one delivery of a page bundle did, but for its errors: part of its step result. */
export const pageOutcome = z.object({
  /** id of the delivered message */
  resultId: z.string(),
  position: count,
  /** pages of the bundle that this delivery finished at its position */
  pages: count,
  /** page continuations that it published: `finished = generated + forked` closes the ledger */
  forked: count,
  steps: z.array(z.object({ stepId: id, success: count, error: count, ignore: count, pages: count })),
  /** What routers did, by index in their flow; `ignore` are records that no branch took. Absent: no router was passed. */
  routers: z
    .array(z.object({ router: count, success: count, error: count, ignore: count, branches: z.array(count) }))
    .optional(),
});
export type PageOutcome = z.infer<typeof pageOutcome>;

/**
 * `work.page`, key = run: consecutive pages of one generator, waiting at one position of the page program; a bundle.
 * Message id: `<runId>/<ordinal>/p<firstPage>` at the entry; the nth message that goes on from it appends `@<n>`.
 */
export const pageHeader = z.object({
  v: z.literal(1),
  runId: id,
  accountId: id,
  flowId: id,
  planId: z.string(),
  exportId: id,
  ordinal: count,
  /** indices of the pages in the body, in order; consecutive unless a step emptied some */
  pages: z.array(count).min(1),
  /** records over all pages */
  records: count,
  position: count,
  /** which copy of their records the pages carry, where routers made copies; absent: 0 */
  copy: count.optional(),
  /**
   * Digest of what the source handed over for these pages, where they may run in the same breath in which they were read
   * (docs/architecture.md "A short run needs no queue at all"). Pages that nobody stored are read again after a crash: if
   * the source says something else then, they are other pages, whose requests, results and errors have names of their own.
   */
  content: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .optional(),
  /** `zstd` when the body is compressed */
  encoding: z.enum(['identity', 'zstd']),
  /** Which writing of the message this is, of all that were tried: parsed pages of another are not its own. */
  tag: z.string().optional(),
  /**
   * On the first message that goes on from another: what that one did, told with this one's result unless it was told.
   * Published together, they say the same however often the other is delivered.
   */
  outcome: pageOutcome.extend({ end: generatorEnd.optional() }).optional(),
  /**
   * On the last bundle of a generator that nothing follows: its end, in place of an `end` message of its own. Whoever
   * finishes the bundle reports it; what goes on from it carries it in its `outcome`.
   */
  end: generatorEnd.optional(),
});
export type PageHeader = z.infer<typeof pageHeader>;

/**
 * `work.page`, key = run: step results of a bundle that may go on, where they are too many for the header of a page that
 * does, or none does. Published with the pages, told by whoever leases it. Body: one event of `step-results`.
 * Message id: the bundle's with `@r<n>` appended, or `@0` where no page goes on.
 */
export const resultsHeader = z.object({
  v: z.literal(1),
  kind: z.literal('results'),
  runId: id,
  /** as of pages */
  encoding: z.enum(['identity', 'zstd']),
});
export type ResultsHeader = z.infer<typeof resultsHeader>;

export const pageWorkHeader = z.union([pageHeader, resultsHeader]);

/** One page as it travels: its records, with their index as generated where steps have dropped some. */
export interface PageBody {
  readonly page: number;
  readonly records: readonly unknown[];
  /** Present when indices are not 0…n-1. */
  readonly indices?: readonly number[];
  readonly traceKeys?: readonly string[];
}

/** Header that carries the message's JSON header. */
export const workHeader = 'millrace';

/** Bodies from this size on are compressed. */
export const compressFromBytes = 64 * 1024;

export function encodePages(pages: readonly PageBody[]): { body: Uint8Array; encoding: PageHeader['encoding'] } {
  return compressBody(Buffer.from(JSON.stringify(pages)));
}

/** Compresses a body at level 1 when it is large enough to pay. */
export function compressBody(plain: Uint8Array): { body: Uint8Array; encoding: PageHeader['encoding'] } {
  if (plain.byteLength < compressFromBytes) return { body: plain, encoding: 'identity' };
  return { body: zstdCompressSync(plain, { params: zstdLevel1 }), encoding: 'zstd' };
}

/**
 * @param maxBytes refuses bodies that inflate beyond this, in bytes
 * @throws ContractError
 */
export function decodePages(
  body: Uint8Array,
  encoding: PageHeader['encoding'],
  maxBytes = 64 * 1024 * 1024,
): PageBody[] {
  try {
    const pages: unknown = JSON.parse(inflateBody(body, encoding, maxBytes));
    if (!Array.isArray(pages)) throw new ContractError('page bundle: not an array');
    return pages as PageBody[];
  } catch (cause) {
    if (cause instanceof ContractError) throw cause;
    throw new ContractError('page bundle: unreadable', { cause });
  }
}

/**
 * The text of a body.
 *
 * @param maxBytes refuses bodies that inflate beyond this, in bytes
 * @throws RangeError, or what the decompressor throws
 */
export function inflateBody(body: Uint8Array, encoding: PageHeader['encoding'], maxBytes: number): string {
  const plain = encoding === 'zstd' ? zstdDecompressSync(body, { maxOutputLength: maxBytes }) : body;
  return Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength).toString('utf8');
}

// ZSTD_c_compressionLevel = 100 (zstd.h); level 1 halves JSON pages at a third of the cost of the default.
const zstdLevel1 = { 100: 1 };
