import { describe, expect, it } from '@jest/globals';
import { encodeFrame, FrameReader, linesOf } from './frames.js';
import type { Request } from './protocol.js';

const head: Request = { kind: 'host-answer', id: 1, sequence: 2 };

interface Read {
  readonly head: string;
  readonly lines: readonly string[];
}

/** What a reader makes of bytes that arrive in pieces of so many. */
function readIn(bytes: Buffer, pieceBytes: number, maxBytes = Infinity): Read[] {
  const frames: Read[] = [];
  const reader = new FrameReader(maxBytes, (text, body) => frames.push({ head: text, lines: linesOf(body, 10) }));
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.push(bytes.subarray(at, at + pieceBytes));
  return frames;
}

const bodies: readonly (readonly string[])[] = [
  ['a', 'b'],
  ['€ \ud83d\ude00 ü'],
  [''],
  ['', ''],
  ['x'.repeat(100_000), 'y'],
  ['z'],
];
const bytes = Buffer.concat(bodies.map((lines) => encodeFrame(head, lines)));
const expected = bodies.map((lines) => ({ head: JSON.stringify(head), lines }));

describe('frames', () => {
  it.each([1, 3, 8, 9, 64, 65_536, bytes.length])('are read from pieces of %i bytes', (pieceBytes) => {
    expect(readIn(bytes, pieceBytes)).toEqual(expected);
  });

  it('follow one that is larger than what a reader keeps', () => {
    const large = { head: JSON.stringify(head), lines: ['x'.repeat(3 * 1024 * 1024)] };
    const stream = Buffer.concat([encodeFrame(head, large.lines), bytes, encodeFrame(head, large.lines), bytes]);
    expect(readIn(stream, 65_536)).toEqual([large, ...expected, large, ...expected]);
  });

  it('without lines have an empty body', () => {
    expect(readIn(encodeFrame(head, []), 5)).toEqual([{ head: JSON.stringify(head), lines: [''] }]);
  });

  it('carry half of a surrogate pair as the replacement character', () => {
    expect(readIn(encodeFrame(head, ['\ud800', 'a']), 7)).toEqual([
      { head: JSON.stringify(head), lines: ['\ufffd', 'a'] },
    ]);
  });

  it.each([1, 1_000])('that are too large are refused by their lengths, in pieces of %i bytes', (pieceBytes) => {
    expect(() => readIn(encodeFrame(head, ['x'.repeat(100)]), pieceBytes, 100)).toThrow('too large');
    expect(() => readIn(Buffer.alloc(8, 0xff), pieceBytes, 100)).toThrow('too large');
  });

  it('of more lines than there may be are refused', () => {
    const body = Buffer.from('a\nb\nc');
    expect(linesOf(body, 3)).toEqual(['a', 'b', 'c']);
    expect(() => linesOf(body, 2)).toThrow('more than 2 lines');
    expect(() => linesOf(Buffer.alloc(1_000, '\n'), 2)).toThrow('more than 2 lines');
  });
});
