import { hash } from 'node:crypto';

/**
 * An id that follows from what it stands for, so that two who do the same thing, or one who does it twice, make one
 * row. Laid out as ids are: seconds since the epoch first, so that derived ids sort by time too.
 *
 * @param atMs the instant that belongs to `subject`, epoch milliseconds: the same for everybody who derives the id
 */
export function derivedId(subject: string, atMs: number): string {
  const seconds = (Math.floor(atMs / 1000) >>> 0).toString(16).padStart(8, '0');
  return seconds + hash('sha256', subject, 'hex').slice(0, 16);
}
