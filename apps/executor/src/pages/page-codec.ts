import { ContractError, decodePages, type PageBody, type PageHeader } from '#contracts';
import type { PageRecord } from '#engine';
import type { JsonValue } from '#model';
import type { ParsedPage } from '../workers/resident-pages.js';

/** The JSON of one page of a bundle, in the form of `PageBody`. Indices and trace keys travel only where they say something. */
export function pageToJson(page: number, records: readonly PageRecord[]): string {
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
  return JSON.stringify(body);
}

/** The JSON of a page whose records are at hand as the text of an array: all of them, with no gaps and no names. */
export function pageOfText(page: number, records: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`{"page":${page},"records":`), records, closingBrace]);
}

const closingBrace = Buffer.from('}');

/** The body of a bundle. */
export function joinPages(pages: readonly (string | Uint8Array)[]): Buffer {
  if (pages.every((page) => typeof page === 'string')) return Buffer.from(`[${pages.join(',')}]`);
  const parts: Uint8Array[] = [];
  pages.forEach((page, at) => {
    parts.push(at === 0 ? openingBracket : comma, typeof page === 'string' ? Buffer.from(page) : page);
  });
  parts.push(closingBracket);
  return Buffer.concat(parts);
}

const [openingBracket, comma, closingBracket] = [Buffer.from('['), Buffer.from(','), Buffer.from(']')];

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
