/**
 * JavaScript's `\s` in RE2's notation, to stand between brackets: RE2 alone takes ASCII blanks only, and no vertical tab.
 */
export const blanks = String.raw`\t-\r \x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}`;

/** `\S`, likewise. */
export const nonBlanks = String.raw`\x{0}-\x{8}\x{E}-\x{1F}!-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{2027}\x{202A}-\x{202E}\x{2030}-\x{205E}\x{2060}-\x{2FFF}\x{3001}-\x{FEFE}\x{FF00}-\x{10FFFF}`;

/** JavaScript's `.` without the flag `s`: anything but a line terminator, of which RE2 knows one only. */
export const anyInLine = String.raw`[^\n\r\x{2028}\x{2029}]`;

export const anything = String.raw`[\x{0}-\x{10FFFF}]`;
export const nothing = String.raw`[^\x{0}-\x{10FFFF}]`;
