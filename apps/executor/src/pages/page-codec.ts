import { ContractError, decodePages, type PageBody, type PageHeader } from '#contracts';
import type { PageRecord } from '#engine';
import type { JsonValue } from '#model';
import { SpareBuffers } from './spare-buffers.js';
import type { ParsedPage } from '../workers/resident-pages.js';

/** The JSON of one page of a bundle, in the form of `PageBody`. Indices and trace keys travel only where they say something. */
export function pageToJson(page: number, records: readonly PageRecord[]): PageText {
  let hasGaps = false;
  let hasKeys = false;
  const values: JsonValue[] = [];
  for (let i = 0; i < records.length; i += 1) {
    const record = records[i]!;
    values.push(record.record);
    if (record.index !== i) hasGaps = true;
    if (record.traceKey !== undefined) hasKeys = true;
  }
  const body: PageBody = {
    page,
    records: values,
    ...(hasGaps ? { indices: records.map((r) => r.index) } : {}),
    ...(hasKeys ? { traceKeys: records.map((r) => r.traceKey ?? '') } : {}),
  };
  const json = JSON.stringify(body);
  return { pieces: [json], bytes: Buffer.byteLength(json) };
}

/** JSON of one page, in pieces. */
export interface PageText {
  readonly pieces: readonly (string | Uint8Array)[];
  readonly bytes: number;
}

/** The JSON of a page whose records are at hand as the text of an array: all of them, with no gaps and no names. */
export function pageOfText(page: number, records: Uint8Array): PageText {
  const before = `{"page":${page},"records":`;
  return { pieces: [before, records, '}'], bytes: before.length + records.byteLength + 1 };
}

/** One worker encodes the bundles of several generators at a time. */
const spares = new SpareBuffers(8 * 1024 * 1024);

/** The body of a bundle, written page by page, so that the text of a page can be forgotten at once. */
export class BundleText {
  #buffer = spares.take(0);
  #size = 0;

  append({ pieces, bytes }: PageText): void {
    this.#reserve(bytes + 2);
    this.#buffer[this.#size] = this.#size === 0 ? openingBracket : comma;
    this.#size += 1;
    for (const piece of pieces) {
      if (typeof piece === 'string') this.#size += this.#buffer.write(piece, this.#size);
      else {
        this.#buffer.set(piece, this.#size);
        this.#size += piece.byteLength;
      }
    }
  }

  /** Ends the body. @returns what `use` makes of its bytes; they are gone afterwards */
  finish<T>(use: (body: Uint8Array) => T): T {
    this.#buffer[this.#size] = closingBracket;
    const result = use(this.#buffer.subarray(0, this.#size + 1));
    spares.give(this.#buffer);
    return result;
  }

  /** Makes room for so many bytes more. */
  #reserve(bytes: number): void {
    const size = this.#size + bytes;
    if (size <= this.#buffer.byteLength) return;
    const larger = spares.take(Math.max(size, 2 * this.#size));
    this.#buffer.copy(larger, 0, 0, this.#size);
    spares.give(this.#buffer);
    this.#buffer = larger;
  }
}

const [openingBracket, comma, closingBracket] = [0x5b, 0x2c, 0x5d];

/**
 * Reads a bundle's body and checks it against its header: nothing that is later used as an index is taken on trust.
 *
 * @throws ContractError
 */
export function parseBundle(body: Uint8Array, header: PageHeader): ParsedPage[] {
  const pages = decodePages(body, header.encoding);
  if (pages.length !== header.pages.length) throw new ContractError('page bundle: not the pages of its header');
  return pages.map((page, at) => parsePage(page, header.pages[at]!));
}

function parsePage(body: unknown, expected: number): ParsedPage {
  if (typeof body !== 'object' || body === null) throw new ContractError('page bundle: a page is not an object');
  const { page, records, indices, traceKeys } = body as Partial<Record<keyof PageBody, unknown>>;
  if (page !== expected || !Array.isArray(records)) throw new ContractError('page bundle: not the pages of its header');
  if (indices !== undefined && (!isArrayOf(indices, records.length) || !indices.every(isIndex))) {
    throw new ContractError('page bundle: indices do not match the records');
  }
  if (traceKeys !== undefined && !isArrayOf(traceKeys, records.length)) {
    throw new ContractError('page bundle: trace keys do not match the records');
  }
  return {
    page: expected,
    records: records.map((record: JsonValue, i): PageRecord => {
      const index = indices === undefined ? i : (indices[i] as number);
      const traceKey = traceKeys?.[i];
      return typeof traceKey === 'string' && traceKey !== '' ? { index, record, traceKey } : { index, record };
    }),
  };
}

function isArrayOf(value: unknown, length: number): value is unknown[] {
  return Array.isArray(value) && value.length === length;
}

function isIndex(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0;
}
