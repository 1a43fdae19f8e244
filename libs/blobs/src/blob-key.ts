/** A key was refused: it is not a path of safe segments. */
export class InvalidBlobKeyError extends Error {
  override readonly name = 'InvalidBlobKeyError';

  constructor(key: string, reason: string) {
    super(`The blob key ${JSON.stringify(key.slice(0, 100))} ${reason}`);
  }
}

const maxKeyLength = 512;
const maxSegmentLength = 128;

/** Letters, digits and `_ - . = @ +`, not beginning with a dot: no `.`, no `..`, no hidden and no temporary files. */
const safeSegment = /^[A-Za-z0-9_=@+-][A-Za-z0-9_=@+.-]*$/;

/** Names that some file systems give a meaning of their own, whatever the extension. */
const reservedSegment = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/**
 * Keys are the same in every adapter, so that data can move between them: segments joined by `/`.
 *
 * @returns the segments
 * @throws InvalidBlobKeyError
 */
export function parseBlobKey(key: string): readonly string[] {
  if (key === '') throw new InvalidBlobKeyError(key, 'is empty');
  if (key.length > maxKeyLength) throw new InvalidBlobKeyError(key, `is longer than ${maxKeyLength} characters`);
  const segments = key.split('/');
  for (const segment of segments) assertSegment(key, segment);
  return segments;
}

/**
 * A prefix is empty (everything), or a key, or a key followed by `/`. It ends within a segment or at its end:
 * `run-1` finds `run-1/a` and `run-10/b`, `run-1/` only the first.
 *
 * @throws InvalidBlobKeyError
 */
export function assertBlobPrefix(prefix: string): void {
  if (prefix === '') return;
  parseBlobKey(prefix.endsWith('/') ? prefix.slice(0, -1) : prefix);
}

function assertSegment(key: string, segment: string): void {
  if (segment.length > maxSegmentLength) {
    throw new InvalidBlobKeyError(key, `has a segment longer than ${maxSegmentLength} characters`);
  }
  if (!safeSegment.test(segment) || segment.endsWith('.') || reservedSegment.test(segment)) {
    throw new InvalidBlobKeyError(key, `has the unsafe segment ${JSON.stringify(segment.slice(0, 100))}`);
  }
}
