import { compressBody, type PageHeader } from '#contracts';
import type { PageRecord } from '#engine';
import type { EncodedBundle } from '../workers/protocol.js';
import type { ParsedPage, ResidentPages } from '../workers/resident-pages.js';
import { joinPages, pageOfText, pageToJson, type PageText } from './page-codec.js';

/**
 * Plain bytes at which a bundle is complete. Whatever it holds, a message costs about 8 ms of CPU over all processes and
 * brokers (publish, lease, result, acknowledgement), as much as a thousand small records.
 */
export const bundleBytes = 2 * 1024 * 1024;
/** The page numbers of a bundle travel in its header, which has a few kilobytes. */
const maxPagesPerBundle = 256;
/** A page has at most 5 MB, at creation and as it grows downstream. Reference: runtime §2. */
export const maxPageBytes = 5 * 1024 * 1024;

/** Room for what stands around a page's records. */
const pageFrameBytes = 64;

interface EncodedPage extends PageText {
  readonly page: ParsedPage;
}

export type BundleHeaderBase = Omit<PageHeader, 'pages' | 'records' | 'encoding' | 'tag'>;

/**
 * Cuts a sequence of pages into messages of about 2 MB. A page that outgrew 5 MB is split into parts that keep its
 * number and their record indices; a record that alone exceeds 5 MB is handed to `tooLarge` instead of being sent.
 */
export class BundleEncoder {
  readonly #base: BundleHeaderBase;
  readonly #resident: ResidentPages;
  readonly #idOf: (firstPage: number, ordinalOfMessage: number, part: number) => string;
  readonly #tooLarge: (page: number, record: PageRecord) => void;
  readonly #bundles: EncodedBundle[] = [];
  #open: EncodedPage[] = [];
  #openBytes = 0;
  #lastPage = -1;
  #part = 0;
  #pages = 0;
  #records = 0;
  #bytes = 0;

  constructor(
    base: BundleHeaderBase,
    resident: ResidentPages,
    idOf: (firstPage: number, ordinalOfMessage: number, part: number) => string,
    tooLarge: (page: number, record: PageRecord) => void,
  ) {
    this.#base = base;
    this.#resident = resident;
    this.#idOf = idOf;
    this.#tooLarge = tooLarge;
  }

  /** pages added so far; the parts of a split page count one each */
  get pages(): number {
    return this.#pages;
  }

  get records(): number {
    return this.#records;
  }

  /** plain bytes added so far */
  get bytes(): number {
    return this.#bytes;
  }

  /** messages so far, the open one included */
  get messages(): number {
    return this.#bundles.length + (this.#open.length > 0 ? 1 : 0);
  }

  /** @param text the records as the text of a JSON array, if it is at hand: plain, without gaps and trace keys */
  add(page: ParsedPage, text?: Uint8Array): void {
    if (page.records.length === 0) return;
    if (text !== undefined && text.byteLength + pageFrameBytes <= maxPageBytes) {
      return this.#append({ page, ...pageOfText(page.page, text) });
    }
    const json = pageToJson(page.page, page.records);
    if (json.bytes <= maxPageBytes) return this.#append({ page, ...json });
    if (page.records.length === 1) return this.#tooLarge(page.page, page.records[0]!);
    const middle = page.records.length >> 1;
    this.add({ page: page.page, records: page.records.slice(0, middle) });
    this.add({ page: page.page, records: page.records.slice(middle) });
  }

  finish(): readonly EncodedBundle[] {
    this.#close();
    return this.#bundles;
  }

  #append(encoded: EncodedPage): void {
    // Two parts of one page never share a message: its header names each page once.
    const isNextPart = this.#open.at(-1)?.page.page === encoded.page.page;
    if (this.#open.length > 0 && (isNextPart || this.#openBytes + encoded.bytes > bundleBytes)) this.#close();
    this.#open.push(encoded);
    this.#openBytes += encoded.bytes;
    this.#bytes += encoded.bytes;
    this.#pages += 1;
    this.#records += encoded.page.records.length;
    if (this.#openBytes >= bundleBytes || this.#open.length >= maxPagesPerBundle) this.#close();
  }

  #close(): void {
    const open = this.#open;
    if (open.length === 0) return;
    const pages = open.map(({ page }) => page);
    const firstPage = pages[0]!.page;
    this.#part = firstPage === this.#lastPage ? this.#part + 1 : 0;
    this.#lastPage = pages.at(-1)!.page;
    const id = this.#idOf(firstPage, this.#bundles.length, this.#part);
    const plain = joinPages(open);
    const { body, encoding } = compressBody(plain);
    const plainBytes = this.#openBytes;
    const tag = this.#resident.keep(id, pages, plainBytes);
    this.#bundles.push({
      id,
      header: {
        ...this.#base,
        pages: pages.map(({ page }) => page),
        records: pages.reduce((sum, { records }) => sum + records.length, 0),
        encoding,
        ...(tag === null ? {} : { tag }),
      },
      body: body === plain ? new Uint8Array(plain) : body,
      plainBytes,
      isResident: tag !== null,
    });
    this.#open = [];
    this.#openBytes = 0;
  }
}
