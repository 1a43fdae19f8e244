import { compressBody, type PageHeader } from '#contracts';
import type { PageRecord } from '#engine';
import type { EncodedBundle } from '../workers/protocol.js';
import type { HeldPage, ParsedPage, ResidentPages } from '../workers/resident-pages.js';
import { bytesOf, type BuiltImport } from './built-page.js';
import { BundleText, pageOfText, pageToJson, parseBundle, type PageText } from './page-codec.js';

/**
 * Plain bytes at which a bundle is complete. Whatever it holds, a message costs about 8 ms of CPU over all processes and
 * brokers (publish, lease, result, acknowledgement), as much as a thousand small records.
 */
export const bundleBytes = 4 * 1024 * 1024;
/** The page numbers of a bundle travel in its header, which has a few kilobytes. */
const maxPagesPerBundle = 256;
/** A page has at most 5 MB, at creation and as it grows downstream. Reference: runtime §2. */
export const maxPageBytes = 5 * 1024 * 1024;

/** Room for what stands around a page's records. */
const pageFrameBytes = 64;

/** A page that is in the open bundle. */
interface EncodedPage {
  readonly page: number;
  readonly records: number;
  /** how the page waits here for its message */
  readonly held: Held;
  readonly heldBytes: number;
}

type Held = { readonly parsed: ParsedPage } | { readonly built: BuiltImport };

export type BundleHeaderBase = Omit<PageHeader, 'pages' | 'records' | 'encoding' | 'tag'>;

/**
 * Cuts a sequence of pages into messages of about 4 MB. A page that outgrew 5 MB is split into parts that keep its
 * number and their record indices; a record that alone exceeds 5 MB is handed to `tooLarge` instead of being sent.
 */
export class BundleEncoder {
  readonly #base: BundleHeaderBase;
  readonly #resident: ResidentPages;
  readonly #idOf: (firstPage: number, ordinalOfMessage: number, part: number) => string;
  readonly #tooLarge: (page: number, record: PageRecord) => void;
  readonly #bundles: EncodedBundle[] = [];
  #open: EncodedPage[] = [];
  #text: BundleText | null = null;
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

  /**
   * @param text the records as the text of a JSON array, if it is at hand: plain, without gaps and trace keys
   * @param built what is kept here of the page instead of its records, if that is known
   */
  add(page: ParsedPage, text?: Uint8Array, built: BuiltImport | null = null): void {
    if (page.records.length === 0) return;
    if (text !== undefined && text.byteLength + pageFrameBytes <= maxPageBytes) {
      return this.#append(page, pageOfText(page.page, text), built);
    }
    const json = pageToJson(page.page, page.records);
    if (json.bytes <= maxPageBytes) return this.#append(page, json, built);
    if (page.records.length === 1) return this.#tooLarge(page.page, page.records[0]!);
    const middle = page.records.length >> 1;
    this.add({ page: page.page, records: page.records.slice(0, middle) });
    this.add({ page: page.page, records: page.records.slice(middle) });
  }

  finish(): readonly EncodedBundle[] {
    this.#close();
    return this.#bundles;
  }

  #append({ page, records }: ParsedPage, text: PageText, built: BuiltImport | null): void {
    // Two parts of one page never share a message: its header names each page once.
    const isNextPart = this.#open.at(-1)?.page === page;
    if (this.#open.length > 0 && (isNextPart || this.#openBytes + text.bytes > bundleBytes)) this.#close();
    (this.#text ??= new BundleText()).append(text);
    this.#open.push({ page, records: records.length, ...heldAs({ page, records }, text, built) });
    this.#openBytes += text.bytes;
    this.#bytes += text.bytes;
    this.#pages += 1;
    this.#records += records.length;
    if (this.#openBytes >= bundleBytes || this.#open.length >= maxPagesPerBundle) this.#close();
  }

  #close(): void {
    const open = this.#open;
    if (this.#text === null) return;
    const firstPage = open[0]!.page;
    this.#part = firstPage === this.#lastPage ? this.#part + 1 : 0;
    this.#lastPage = open.at(-1)!.page;
    const id = this.#idOf(firstPage, this.#bundles.length, this.#part);
    const { body, encoding } = this.#text.finish(encodedBody);
    const header = {
      ...this.#base,
      pages: open.map(({ page }) => page),
      records: open.reduce((sum, { records }) => sum + records, 0),
      encoding,
    };
    const tag = this.#keep(id, header, body, open);
    this.#bundles.push({
      id,
      header: tag === null ? header : { ...header, tag },
      body,
      plainBytes: this.#openBytes,
      isResident: tag !== null,
    });
    this.#open = [];
    this.#text = null;
    this.#openBytes = 0;
  }

  /** The body goes away with its message, so pages that may have to be read from it again keep a copy. */
  #keep(id: string, header: PageHeader, body: Uint8Array, open: readonly EncodedPage[]): string | null {
    const copy = open.some(({ held }) => 'built' in held) ? new Uint8Array(body) : null;
    let read: readonly ParsedPage[] | null = null;
    const recordsAt = (at: number) => (): readonly PageRecord[] => (read ??= parseBundle(copy!, header))[at]!.records;
    const pages = open.map(({ page, held }, at): HeldPage =>
      'built' in held ? { page, built: held.built, records: recordsAt(at) } : held.parsed,
    );
    const bytes = open.reduce((sum, { heldBytes }) => sum + heldBytes, copy?.byteLength ?? 0);
    return this.#resident.keep(id, pages, bytes);
  }
}

function encodedBody(plain: Uint8Array): Pick<EncodedBundle, 'body'> & Pick<PageHeader, 'encoding'> {
  const { body, encoding } = compressBody(plain);
  return { body: body === plain ? new Uint8Array(plain) : body, encoding };
}

function heldAs(
  page: ParsedPage,
  { bytes }: PageText,
  built: BuiltImport | null,
): Pick<EncodedPage, 'held' | 'heldBytes'> {
  const builtBytes = built === null ? 0 : bytesOf(built);
  // Parsed, a page weighs several times its text; requests that exceed it by far are better built when they are sent.
  return built !== null && builtBytes <= 2 * bytes
    ? { held: { built }, heldBytes: builtBytes }
    : { held: { parsed: page }, heldBytes: bytes };
}
