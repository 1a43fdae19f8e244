import type { FastifyRequest } from 'fastify';
import type { ResourceTypeName } from '#model';

export interface ListPage {
  readonly skip: number;
  readonly limit: number;
  readonly more: boolean;
}

/**
 * RFC 8288 links, absolute, to be followed verbatim: `next` only when more rows exist, `prev` when rows lie before, and
 * on exports and imports always `self`, which one published client insists on. Reference: resources §1.5.
 *
 * @returns undefined when there is nothing to link to
 */
export function linkHeader(type: ResourceTypeName, address: URL, page: ListPage | null): string | undefined {
  const links: string[] = [];
  if (page?.more) links.push(link(address, { skip: page.skip + page.limit, limit: page.limit }, 'next'));
  if (page && page.skip > 0) {
    links.push(link(address, { skip: Math.max(0, page.skip - page.limit), limit: page.limit }, 'prev'));
  }
  if (type === 'exports' || type === 'imports') links.push(`<${address.href}>; rel="self"`);
  return links.length === 0 ? undefined : links.join(', ');
}

function link(address: URL, position: { skip: number; limit: number }, rel: string): string {
  const target = new URL(address);
  target.searchParams.set('skip', String(position.skip));
  target.searchParams.set('limit', String(position.limit));
  return `<${target.href}>; rel="${rel}"`;
}

/** The address as the client wrote it. */
export function addressOf(request: FastifyRequest): URL {
  const base = `${request.protocol}://${request.host || 'localhost'}`;
  return URL.canParse(request.url, base) ? new URL(request.url, base) : new URL('http://localhost/');
}
