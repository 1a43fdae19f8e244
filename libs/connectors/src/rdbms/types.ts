import pg from 'pg';

const { builtins } = pg.types;

/** OIDs of array types whose elements would come as dates. */
const TEXT_ARRAY = 1009;
const DATE_ARRAYS = new Set([1115, 1182, 1185]);
/** Digits that a JavaScript number holds exactly, whatever they are. */
const SAFE_DIGITS = 15;
const POINT = 600;
const CIRCLE = 718;

type Parser = (text: string) => unknown;

/** Values as JSON has them: numbers where they are exact, instants in ISO 8601, bytes in Base64. */
const parsers = new Map<number, Parser>([
  [builtins.INT8, (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : text)],
  [builtins.NUMERIC, exactNumber],
  [builtins.DATE, (text) => text],
  [builtins.TIMESTAMP, (text) => text.replace(' ', 'T')],
  [builtins.TIMESTAMPTZ, toIso],
  [builtins.INTERVAL, (text) => text],
  [builtins.BYTEA, (text) => Buffer.from(text.slice(2), 'hex').toString('base64')],
  [POINT, (text) => text],
  [CIRCLE, (text) => text],
]);

/** Type parsers for `pg`; see {@link parsers}. */
export const jsonTypes: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    if (format === 'binary') return pg.types.getTypeParser(oid, 'binary');
    if (DATE_ARRAYS.has(oid)) return pg.types.getTypeParser(TEXT_ARRAY as number, 'text');
    return parsers.get(oid) ?? pg.types.getTypeParser(oid, 'text');
  }) as pg.CustomTypesConfig['getTypeParser'],
};

function exactNumber(text: string): number | string {
  const digits = text.replace(/^-?0*|\./g, '');
  const number = Number(text);
  return digits.length <= SAFE_DIGITS && Number.isFinite(number) ? number : text;
}

/** `2026-01-01 10:00:00.5+02` to `2026-01-01T08:00:00.500Z`; infinity and years BC stay as they are. */
function toIso(text: string): string {
  const time = Date.parse(text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00'));
  return Number.isNaN(time) ? text : new Date(time).toISOString();
}
