import { hash } from 'node:crypto';
import { z } from 'zod';
import { readPosition, type ReadPosition } from '#contracts';
import { ApiError } from '#failures';
import type { SecretBox, Signer } from '#security';
import { tryOutCodes } from './codes.js';

/** States are signed for this purpose, see `Signer`. */
export const pagedStatePurpose = 'millrace/paged-export-state';

const field = 'pagedExportState';
/** A paged export that nobody goes on with for a day has to begin anew. */
const maxAgeMs = 24 * 60 * 60_000;
/** More than a cursor's 64 KB, sealed and in base64. */
const maxCursorLength = 256 * 1024;

/** What a client hands back, unchanged, for the next page. Reference: resources §4.1. */
export const pagedExportState = z.object({
  pageIndex: z.number().int().nonnegative().describe('Index of the page that comes next.'),
  pageSize: z.number().int().describe('Most records of a page.'),
  done: z.boolean().describe('No page is left.'),
  issuedAt: z.string(),
  cursor: z.string().max(maxCursorLength).describe('Where to go on; sealed.'),
  sig: z.string().describe('Signature over all of it, the account, the connection and the export.'),
});
export type PagedExportState = z.infer<typeof pagedExportState>;

/** Whose paged export it is; a state serves no other. */
export interface PagedExport {
  readonly accountId: string;
  readonly connectionId: string;
  /** The export as it is read, without what changes by itself. */
  readonly definition: object;
  readonly pageSize: number;
}

const progressSchema = z.object({
  next: readPosition,
  runId: z.string(),
  startedAt: z.string(),
});

/** What stays the same over the pages, and where the next one begins. */
export interface PagedProgress {
  readonly next: ReadPosition;
  /** Names the export's reading for sources that keep something of it. */
  readonly runId: string;
  /** ISO 8601; the end of the window of a delta export */
  readonly startedAt: string;
}

/**
 * The state of paged exports lives with their callers. It is sealed, because cursors hold what applications put into their
 * links, and signed with all that is readable of it.
 */
export class PagedStates {
  constructor(
    private readonly box: Pick<SecretBox, 'seal' | 'open'>,
    private readonly signer: Pick<Signer, 'sign' | 'isValid'>,
    private readonly now: () => number,
  ) {}

  /** @param progress null when the export is done */
  issue(of: PagedExport, pageIndex: number, progress: PagedProgress | null): PagedExportState {
    const { accountId, connectionId: resourceId, pageSize } = of;
    const cursor = progress === null ? '' : this.box.seal(JSON.stringify(progress), { accountId, resourceId, field });
    const issuedAt = new Date(this.now()).toISOString();
    const unsigned = { pageIndex, pageSize, done: progress === null, issuedAt, cursor };
    return { ...unsigned, sig: this.signer.sign(partsOf(of, unsigned)) };
  }

  /** @throws ApiError 422 `invalid_paged_state` for what was altered, issued for something else, or is too old or done */
  read(of: PagedExport, state: PagedExportState): PagedProgress {
    if (!this.signer.isValid(state.sig, partsOf(of, state))) {
      throw refuse('The state was not issued for this export, or was changed.');
    }
    if (state.done) throw refuse('The export is done: there is no next page.');
    if (Date.parse(state.issuedAt) < this.now() - maxAgeMs) throw refuse('The state is older than a day.');
    const { accountId, connectionId: resourceId } = of;
    return progressSchema.parse(JSON.parse(this.box.open(state.cursor, { accountId, resourceId, field })));
  }
}

function partsOf(of: PagedExport, state: Omit<PagedExportState, 'sig'>): string[] {
  const { pageIndex, pageSize, done, issuedAt, cursor } = state;
  const definition = hash('sha256', JSON.stringify(of.definition), 'hex');
  return [
    of.accountId,
    of.connectionId,
    definition,
    String(pageIndex),
    String(pageSize),
    String(done),
    issuedAt,
    cursor,
  ];
}

function refuse(message: string): ApiError {
  return ApiError.of(tryOutCodes.invalid_paged_state, message, field);
}
