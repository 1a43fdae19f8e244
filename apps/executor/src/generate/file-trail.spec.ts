import { describe, expect, it } from '@jest/globals';
import type { JsonRecord, JsonValue } from '#model';
import { decodeSliceStart, encodeSliceStart } from './cursor-envelope.js';
import { FileTrail } from './file-trail.js';
import { GroupCutter } from './group-cutter.js';

const [a, b]: JsonRecord[] = [{ fileName: 'a.csv' }, { fileName: 'b.csv' }];
const chunk = (records: readonly JsonValue[], fileMeta?: JsonRecord) => ({
  records,
  next: null,
  bytes: 1,
  failures: [],
  ...(fileMeta === undefined ? {} : { fileMeta }),
});
const row = (id: number): JsonRecord => ({ id });

/** As another executor reads it from the slice's message. */
function handedOver(trail: FileTrail, carried: readonly JsonValue[]) {
  const body = encodeSliceStart({
    cursor: { at: 1 },
    lastExportDateTime: null,
    carried,
    files: trail.spansOf(carried),
  });
  const start = decodeSliceStart(body);
  const restored = new FileTrail();
  restored.restore(start.carried, start.files);
  return { carried: start.carried, trail: restored, files: start.files };
}

describe('options.files of preSavePage (runtime §16.1): files[i] belongs to data[i]', () => {
  it('knows the file of each record, across responses', () => {
    const trail = new FileTrail();
    const records = [row(1), row(2), row(3)];
    trail.note(chunk(records, a), records.slice(0, 2));
    trail.note(chunk(records, b), records.slice(2));
    expect(trail.of(records)).toEqual([a, a, b]);
  });

  it('knows the file of a group by its first record', () => {
    const trail = new FileTrail();
    const rows = [row(1), row(1), row(2)];
    trail.note(chunk(rows, a), rows);
    expect(trail.of([[rows[0]!, rows[1]!], [rows[2]!]])).toEqual([a, a]);
  });

  it.each<[string, readonly JsonValue[], JsonRecord | undefined]>([
    ['of no file', [row(1)], undefined],
    ['that are no objects', ['x', 1, null, true], a],
  ])('leaves out records %s', (_, records, fileMeta) => {
    const trail = new FileTrail();
    trail.note(chunk(records, fileMeta), records);
    expect(trail.of(records)).toEqual(records.map(() => undefined));
  });

  it('goes on where another executor does', () => {
    const trail = new FileTrail();
    const records = [row(1), row(2), row(3), 'no object'];
    trail.note(chunk(records, a), records.slice(0, 2));
    trail.note(chunk(records, b), records.slice(2));
    const later = handedOver(trail, records);
    expect(later.files).toEqual([
      { count: 2, fileMeta: a },
      { count: 1, fileMeta: b },
      { count: 1, fileMeta: null },
    ]);
    expect(later.trail.of(later.carried)).toEqual([a, a, b, undefined]);
  });

  it('goes on with a group that was open', () => {
    const keyOf = (record: JsonValue): string => JSON.stringify(record);
    const [trail, cutter] = [new FileTrail(), new GroupCutter(keyOf, 1, 1_000, [])];
    const rows = [row(1), row(1)];
    trail.note(chunk(rows, a), rows);
    cutter.push(rows, 1, true);
    const later = handedOver(trail, cutter.carried);
    const goesOn = new GroupCutter(keyOf, 1, 1_000, later.carried);
    const more = [row(1)];
    later.trail.note(chunk(more, a), more);
    goesOn.push(more, 1, false);
    expect(later.trail.of([goesOn.flush()![0]!])).toEqual([a]);
  });

  it('travels with no message where nobody looks', () => {
    const body = encodeSliceStart({ cursor: {}, lastExportDateTime: null, carried: [], files: [] });
    expect(JSON.parse(Buffer.from(body).toString())).toEqual({ cursor: { at: {}, last: null }, carried: [] });
  });
});
