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
  /** `zstd` when the body is compressed */
  encoding: z.enum(['identity', 'zstd']),
  /**
   * On the last bundle of a generator that nothing follows: its end, in place of an `end` message of its own. Whoever
   * finishes the bundle reports it; continuations do not carry it.
   */
  end: z
    .object({
      /** as the `end` message would say it: one more than the last slice's */
      slice: count,
      totals: generatorTotals,
      /** whether the source was read to its end (decision 4) */
      complete: z.boolean(),
    })
    .optional(),
});
export type PageHeader = z.infer<typeof pageHeader>;

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
    const plain = encoding === 'zstd' ? zstdDecompressSync(body, { maxOutputLength: maxBytes }) : body;
    const pages: unknown = JSON.parse(Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength).toString('utf8'));
    if (!Array.isArray(pages)) throw new ContractError('page bundle: not an array');
    return pages as PageBody[];
  } catch (cause) {
    if (cause instanceof ContractError) throw cause;
    throw new ContractError('page bundle: unreadable', { cause });
  }
}

// ZSTD_c_compressionLevel = 100 (zstd.h); level 1 halves JSON pages at a third of the cost of the default.
const zstdLevel1 = { 100: 1 };
