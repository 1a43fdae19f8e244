import { crc32 } from 'node:zlib';
import type { Getter } from '#engine/paths/index';
import type { Failure } from '#failures';
import type { Export, JsonRecord, JsonValue } from '#model';
import { asText } from '../as-text.js';
import { compileConfiguredPath } from '../configured-path.js';
import type { Cursor } from '../ports.js';
import { compileTemplate, render, type RenderEnvironment, type Template } from '../templates.js';
import { linkTarget } from './link-header.js';
import type { Answer, ResponseHeaders } from './wire.js';

type PagingSettings = NonNullable<NonNullable<Export['http']>['paging']>;

/**
 * Where paging stands: everything the next request needs, as JSON, so that a generator can go on in another process
 * after any response.
 */
export interface PagingState {
  /** Responses read so far. */
  readonly pages: number;
  /** Records read so far. */
  readonly records: number;
  /** `export.http.paging.page`, `.skip` and `.token` of the next request; always defined (decision 16). */
  readonly page: number;
  readonly skip: number;
  readonly token: string;
  /** Address of the next request when a response named it (`url`, `linkheader`) or a paging template rendered it. */
  readonly address?: string;
  /** Body of the next request when `paging.body` rendered it. */
  readonly body?: string;
  /**
   * Digest of the last response, to notice endless paging (decision 13). Cursors have it; on the way from answer to
   * answer the last one is at hand.
   */
  readonly digest?: string;
  /** Responses without records in a row. */
  readonly empty: number;
}

/** What a page of the remote held. */
export interface PageRead {
  readonly answer: Answer;
  /** Body of the response before this one, where the reader has it. */
  readonly previous: Buffer | null;
  /** Parsed body; undefined when empty. */
  readonly body: unknown;
  readonly recordCount: number;
  readonly lastRecord: JsonValue | null;
  /** Address of this request, against which relative next addresses resolve. */
  readonly url: URL;
}

export type NextPage =
  { readonly state: PagingState | null } | { readonly failure: Failure } | { readonly endless: true };

/**
 * A next address that changes although pages are empty is followed this often: some applications filter after they page.
 * Then it counts as the end.
 */
const MAX_EMPTY_PAGES = 100;

/** Paging of one export, compiled. Pure: given what was read, says what to ask next. Reference: runtime §5. */
export class Pager {
  readonly method: PagingSettings['method'];
  readonly #settings: PagingSettings;
  readonly #path: Getter | null;
  readonly #pathLater: Getter | null;
  readonly #lastPage: Getter | null;
  readonly #lastPageValues: ReadonlySet<string>;
  readonly #maxPage: Getter | null;
  readonly #maxCount: Getter | null;
  readonly #uri: Template | null;
  readonly #body: Template | null;

  /** @throws PlatformError for malformed paths */
  constructor(settings: PagingSettings | undefined) {
    const paging = settings ?? {};
    this.method = paging.method;
    this.#settings = paging;
    const inBody = paging.pathLocation !== 'header';
    const get = (
      name: 'path' | 'pathAfterFirstRequest' | 'lastPagePath' | 'maxPagePath' | 'maxCountPath',
    ): Getter | null => {
      const path = paging[name];
      return path ? compileConfiguredPath(path, `http.paging.${name}`) : null;
    };
    this.#path = inBody ? get('path') : null;
    this.#pathLater = inBody ? (get('pathAfterFirstRequest') ?? this.#path) : null;
    this.#lastPage = get('lastPagePath');
    this.#lastPageValues = new Set(paging.lastPageValues ?? []);
    this.#maxPage = get('maxPagePath');
    this.#maxCount = get('maxCountPath');
    this.#uri = paging.relativeURI ? compileTemplate(paging.relativeURI, 'uri', 'resource', 'paging url') : null;
    this.#body = paging.body ? compileTemplate(paging.body, 'json', 'resource', 'paging body') : null;
  }

  first(): PagingState {
    const { page, skip, token } = this.#settings;
    return { pages: 0, records: 0, page: page ?? 0, skip: skip ?? 0, token: token ?? '', empty: 0 };
  }

  /** Whether a status ends paging without being an error. Reference: runtime §5, decision 14. */
  endsWith(status: number, state: PagingState): boolean {
    if (this.method === undefined) return false;
    const { lastPageStatusCode } = this.#settings;
    if (lastPageStatusCode === undefined) return status === 404;
    return status === lastPageStatusCode && (state.pages > 0 || status !== 200);
  }

  /**
   * @param roots context of templates for a state; `previous_page` is added here
   */
  next(
    state: PagingState,
    read: PageRead,
    roots: (state: PagingState) => JsonRecord,
    environment: RenderEnvironment,
  ): NextPage {
    if (this.method === undefined) return END;
    const { body } = read.answer;
    const same =
      state.pages > 0 && (read.previous === null ? state.digest === digestOf(body) : read.previous.equals(body));
    if (same && read.recordCount > 0) return { endless: true };

    const pages = state.pages + 1;
    const records = state.records + read.recordCount;
    const empty = read.recordCount === 0 ? state.empty + 1 : 0;
    if (this.#isLast(read, pages, records)) return END;
    const namesNext = this.method === 'token' || this.method === 'url' || this.method === 'linkheader';
    if (empty > 0 && (!namesNext || same || empty >= MAX_EMPTY_PAGES)) return END;

    const counted: PagingState = {
      pages,
      records,
      page: state.page,
      skip: state.skip,
      token: state.token,
      empty,
    };
    const moved = this.#move(counted, state, read);
    return moved === null ? END : this.#renderNext(moved, read, roots, environment);
  }

  #isLast(read: PageRead, pages: number, records: number): boolean {
    const flag = this.#lastPage?.(read.body);
    if (flag !== undefined && this.#lastPageValues.has(asText(flag))) return true;
    if (this.method !== 'page' && this.method !== 'skip') return false;
    const maxPages = toNumber(this.#maxPage?.(read.body));
    if (this.#maxPage !== null) return maxPages !== null && pages >= maxPages;
    const maxCount = toNumber(this.#maxCount?.(read.body));
    return maxCount !== null && records >= maxCount;
  }

  #move(next: PagingState, previous: PagingState, read: PageRead): PagingState | null {
    switch (this.method) {
      case 'page':
        return { ...next, page: previous.page + 1 };
      case 'skip':
        // What was really returned: a remote that caps its pages below the asked size would otherwise lose records.
        return { ...next, skip: previous.skip + read.recordCount };
      case 'token': {
        const token = this.#pointer(next, read);
        return token === null ? null : { ...next, token };
      }
      case 'url': {
        const address = this.#pointer(next, read);
        return address === null ? null : { ...next, address: URL.parse(address, read.url)?.href ?? address };
      }
      case 'linkheader': {
        const address = linkTarget(read.answer.headers['link'], this.#settings.linkHeaderRelation ?? 'next');
        return address === null ? null : { ...next, address: URL.parse(address, read.url)?.href ?? address };
      }
      default:
        return next;
    }
  }

  #pointer(next: PagingState, read: PageRead): string | null {
    const { path, pathAfterFirstRequest } = this.#settings;
    const isFirst = next.pages === 1;
    let value: unknown;
    if (this.#settings.pathLocation === 'header') {
      const name = isFirst ? path : (pathAfterFirstRequest ?? path);
      value = name === undefined ? undefined : read.answer.headers[name.toLowerCase()];
    } else {
      value = (isFirst ? this.#path : this.#pathLater)?.(read.body);
    }
    const first: unknown = Array.isArray(value) ? value[0] : value;
    if (first === undefined || first === null || first === false || first === '') return null;
    return typeof first === 'object' ? null : asText(first);
  }

  #renderNext(
    state: PagingState,
    read: PageRead,
    roots: (state: PagingState) => JsonRecord,
    environment: RenderEnvironment,
  ): NextPage {
    if (this.#uri === null && this.#body === null) return { state };
    const context: JsonRecord = {
      ...roots(state),
      previous_page: {
        full_response: read.body as JsonValue | undefined,
        last_record: read.lastRecord,
        headers: flatHeaders(read.answer.headers),
      },
    };
    let next = state;
    if (this.#uri !== null) {
      const address = render(this.#uri, context, environment);
      if (typeof address !== 'string') return { failure: address };
      if (this.method === 'relativeuri' && address.trim() === '') return END;
      next = { ...next, address };
    }
    if (this.#body !== null) {
      const body = render(this.#body, context, environment);
      if (typeof body !== 'string') return { failure: body };
      if (this.method === 'body' && body.trim() === '') return END;
      next = { ...next, body };
    }
    return { state: next };
  }
}

/**
 * A state as a cursor, which names the answer before it for whoever reads on from there. That costs a look at all of the
 * answer, so the name is made when the cursor is written down, not for each answer on the way.
 */
export function cursorOf(state: PagingState, body: Buffer): Cursor {
  return {
    ...(state as unknown as Cursor),
    get digest() {
      return digestOf(body);
    },
  };
}

/** Tells most bodies apart at a tenth of what a cryptographic hash costs; equal ones are then compared where they can be. */
function digestOf(body: Buffer): string {
  return `${body.length.toString(36)}-${crc32(body).toString(36)}`;
}

const END: NextPage = { state: null };

/** Keys in lower case (decision 16). */
function flatHeaders(headers: ResponseHeaders): JsonRecord {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}

function toNumber(value: unknown): number | null {
  if (value === undefined || value === null || value === '') return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}
