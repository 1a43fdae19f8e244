import { hash } from 'node:crypto';
import type { PageIdentity } from '#engine';

/**
 * Stable name of one request of an import: the same records of the same page at the same step of the same run always
 * get the same key, also after a crash (P2); another copy of them gets another, and so does a page that was read anew
 * and holds something else. Reference: decision 19.
 *
 * @param indices positions of the request's records in their page
 * @returns 32 hex digits
 */
export function idempotencyKey(runId: string, stepId: string, page: PageIdentity, indices: readonly number[]): string {
  const number = page.copy === undefined ? `${page.page}` : `${page.page}.${page.copy}`;
  const pageName = page.content === undefined ? number : `${number}~${page.content}`;
  return hash('sha256', `${runId}\n${stepId}\n${page.generator}\n${pageName}\n${ranges(indices)}`, 'hex').slice(0, 32);
}

/** `0-99` for what is usual; gaps where records failed before. */
function ranges(indices: readonly number[]): string {
  let text = '';
  for (let at = 0; at < indices.length;) {
    const from = indices[at]!;
    let to = from;
    at += 1;
    while (at < indices.length && indices[at] === to + 1) {
      to += 1;
      at += 1;
    }
    text += from === to ? `${from},` : `${from}-${to},`;
  }
  return text;
}
