import type { BuiltImport, BuiltPage } from '../pages/built-page.js';
import type { HeldPage } from '../pages/held-page.js';
import { SpareBuffers } from '../pages/spare-buffers.js';

/** Below this, strings do as well. */
const packFromBytes = 64 * 1024;
const maxSpareBytes = 8 * 1024 * 1024;

/** Pages of one message with their requests' bodies as bytes. */
export interface PackedPages {
  /** Gives the pages back, as they were. To be called once, unless {@link release} is. */
  unpack(): readonly HeldPage[];
  /** The pages are not wanted any more. */
  release(): void;
}

type PackedPage = Omit<BuiltPage, 'built'> & {
  readonly built: Omit<BuiltImport, 'requests'>;
  readonly indices: readonly (readonly number[])[];
};

/**
 * Keeps bodies in buffers that are used again: as strings they would outlive collections of young garbage and be copied and
 * marked. Bytes are copied in and out, so no request ever reads a buffer that is used again.
 */
export class BodyPacker {
  readonly #spares = new SpareBuffers(maxSpareBytes);

  /** @returns null for pages whose bodies are small, or not built */
  pack(pages: readonly HeldPage[]): PackedPages | null {
    const bodies = pages.flatMap((page) => ('built' in page ? page.built.requests.map(({ body }) => body) : []));
    const bytes = bodies.reduce((sum, body) => sum + Buffer.byteLength(body), 0);
    if (bytes < packFromBytes) return null;
    const buffer = this.#spares.take(bytes, 2 * bytes);
    let at = 0;
    const ends = bodies.map((body) => (at += buffer.write(body, at)));
    const packed = pages.map((page) => ('built' in page ? packedPage(page) : page));
    return {
      unpack: () => {
        const unpacked = unpackedPages(packed, buffer, ends);
        this.#spares.give(buffer);
        return unpacked;
      },
      release: () => this.#spares.give(buffer),
    };
  }
}

function packedPage({ page, records, built: { requests, ...built } }: BuiltPage): PackedPage {
  return { page, records, built, indices: requests.map(({ indices }) => indices) };
}

function unpackedPages(
  packed: readonly (PackedPage | Exclude<HeldPage, BuiltPage>)[],
  buffer: Buffer,
  ends: readonly number[],
): readonly HeldPage[] {
  let next = 0;
  let from = 0;
  const body = (): string => {
    const end = ends[next++]!;
    const text = buffer.toString('utf8', from, end);
    from = end;
    return text;
  };
  return packed.map((page): HeldPage => {
    if (!('built' in page)) return page;
    const requests = page.indices.map((indices) => ({ indices, body: body() }));
    return { page: page.page, records: page.records, built: { ...page.built, requests } };
  });
}
