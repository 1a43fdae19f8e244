const formats = new Map<string, Intl.DateTimeFormat>();
const stepMs = 7 * 24 * 3_600_000;

/** @returns whether the runtime knows the IANA name */
export function isZone(name: string): boolean {
  try {
    formatOf(name);
    return true;
  } catch {
    return false;
  }
}

/**
 * Local time minus UTC at an instant, in milliseconds.
 *
 * @throws RangeError when the zone is unknown
 */
export function offsetMs(zone: string, atMs: number): number {
  if (zone === 'UTC') return 0;
  const text = formatOf(zone).format(atMs);
  const match = /GMT(?:([+-])(\d{2}):(\d{2})(?::(\d{2}))?)?$/.exec(text);
  if (!match) throw new RangeError(`The offset of ${zone} cannot be read from "${text}".`);
  const [, sign, hours = '0', minutes = '0', seconds = '0'] = match;
  const magnitude = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
  return sign === '-' ? -magnitude : magnitude;
}

/**
 * First instant in (`fromMs`, `untilMs`] at which the zone's offset differs from the one before, or null. Periods of
 * less than a week between two changes are not seen; no zone has had one since 1970.
 */
export function nextTransition(zone: string, fromMs: number, untilMs: number): number | null {
  if (zone === 'UTC') return null;
  const before = offsetMs(zone, fromMs);
  for (let lowMs = fromMs; lowMs < untilMs; lowMs += stepMs) {
    const highMs = Math.min(lowMs + stepMs, untilMs);
    if (offsetMs(zone, highMs) !== before) return bisect(zone, before, lowMs, highMs);
  }
  return null;
}

function bisect(zone: string, before: number, lowMs: number, highMs: number): number {
  let low = lowMs;
  let high = highMs;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetMs(zone, middle) === before) low = middle;
    else high = middle;
  }
  return high;
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  formats.set(zone, format);
  return format;
}
