import { anyInLine, anything, blanks, nonBlanks, nothing } from './character-classes.js';
import { PatternError } from './pattern-error.js';

/** A JavaScript pattern in the notation of RE2. */
export interface Translation {
  readonly source: string;
  /** About how many instructions it compiles to; known before compiling, which takes time of its own. */
  readonly size: number;
  /**
   * Whether all its matches in a text can be found in time linear in the text: an attempt that matches has not read far
   * beyond its match. True of sequences without alternatives whose repeated parts are single characters (were an earlier
   * attempt still running within a repetition, it could have gone on as the later one did, and matched), and of patterns
   * without unbounded repetition.
   */
  readonly isLocal: boolean;
}

/**
 * Translates a pattern of JavaScript's syntax, which the caller knows to be well-formed.
 *
 * @param dotAll flag `s`
 * @throws PatternError for look-ahead, back-references and other syntax that has no equivalent
 */
export function translate(pattern: string, dotAll: boolean): Translation {
  const translator = new Translator(pattern, dotAll);
  const { source, size } = translator.alternatives();
  return { source, size, isLocal: translator.isLocal };
}

interface Part {
  readonly source: string;
  readonly size: number;
}

const simpleEscapes = /^[dDwWbBtnrfv]$/;
const quantifier = /(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})\??/y;

class Translator {
  private at = 0;
  private hasUnbounded = false;
  private isFlat = true;

  constructor(
    private readonly pattern: string,
    private readonly dotAll: boolean,
  ) {}

  get isLocal(): boolean {
    return this.isFlat || !this.hasUnbounded;
  }

  /** Up to the end of the pattern, or of the group. */
  alternatives(): Part {
    let source = '';
    let size = 1;
    while (this.at < this.pattern.length && this.pattern[this.at] !== ')') {
      if (this.pattern[this.at] === '|') {
        this.at += 1;
        this.isFlat = false;
        source += '|';
        size += 1;
        continue;
      }
      const term = this.term();
      source += term.source;
      size += term.size;
    }
    return { source, size };
  }

  private term(): Part {
    const isGroup = this.pattern[this.at] === '(';
    const atom = this.atom();
    quantifier.lastIndex = this.at;
    const match = quantifier.exec(this.pattern);
    if (match === null) return atom;
    this.at = quantifier.lastIndex;
    if (isGroup) this.isFlat = false;
    const [text, least, comma, most] = match;
    const isUnbounded = least === undefined ? !text.startsWith('?') : comma !== undefined && most === '';
    if (isUnbounded) this.hasUnbounded = true;
    const copies = least === undefined ? 1 : Math.max(Number(least), Number(most ?? ''), 1);
    return { source: atom.source + text, size: (atom.size + 1) * copies };
  }

  private atom(): Part {
    const char = this.take();
    switch (char) {
      case '(':
        return this.group();
      case '[':
        return { source: this.characterClass(), size: 1 };
      case '.':
        return { source: this.dotAll ? anything : anyInLine, size: 1 };
      case '\\':
        return { source: this.escape(false), size: 1 };
      case '{':
      case '}':
      case ']':
        return { source: `\\${char}`, size: 1 };
      default:
        return { source: char, size: 1 };
    }
  }

  private group(): Part {
    const opening = /\?(?:[:=!]|<[=!]|<([^>]*)>|.)/sy;
    opening.lastIndex = this.at;
    const [start, name] = opening.exec(this.pattern) ?? [''];
    this.at += start.length;
    if (start === '?=' || start === '?!') throw refuse(`look-ahead (${start})`);
    if (start === '?<=' || start === '?<!') this.isFlat = false;
    else if (start !== '' && start !== '?:' && name === undefined) throw refuse(`the group (${start}`);
    const inner = this.alternatives();
    this.at += 1;
    return { source: `(${start}${inner.source})`, size: inner.size + 2 };
  }

  private characterClass(): string {
    const isNegated = this.pattern[this.at] === '^';
    if (isNegated) this.at += 1;
    let items = '';
    for (let char = this.take(); char !== ']'; char = this.take()) {
      if (char === '\\') items += this.escape(true);
      else items += char === '[' || char === '^' ? `\\${char}` : char;
    }
    if (items === '') return isNegated ? anything : nothing;
    return `[${isNegated ? '^' : ''}${items}]`;
  }

  private escape(isInClass: boolean): string {
    const char = this.take();
    if (char === 's') return isInClass ? blanks : `[${blanks}]`;
    if (char === 'S') return isInClass ? nonBlanks : `[${nonBlanks}]`;
    if (isInClass && char === 'b') return String.raw`\x{8}`;
    if (simpleEscapes.test(char)) return `\\${char}`;
    if (char === 'k' || /[1-9]/.test(char)) throw refuse(`the back-reference \\${char}`);
    if (char === 'p' || char === 'P') {
      const property = this.takeMatch(/\{[^}]*\}/y);
      if (property === '') throw refuse(`the escape \\${char} without a property in braces`);
      return `\\${char}${property}`;
    }
    return literal(this.codePoint(char));
  }

  /** Code point of an escape that stands for one character. */
  private codePoint(char: string): number {
    switch (char) {
      case '0':
        if (/\d/.test(this.pattern[this.at] ?? '')) throw refuse('octal escapes');
        return 0;
      case 'c':
        return (this.takeMatch(/[a-z]/iy).codePointAt(0) ?? 0) % 32;
      case 'x':
        return this.hex(/[0-9a-f]{2}/iy) ?? 120;
      case 'u': {
        const braced = this.takeMatch(/\{[0-9a-f]{1,6}\}/iy);
        if (braced !== '') return Number.parseInt(braced.slice(1, -1), 16);
        const unit = this.hex(/[0-9a-f]{4}/iy);
        if (unit === undefined) return 117;
        const low = unit >= 0xd8_00 && unit <= 0xdb_ff ? this.takeMatch(/\\ud[c-f][0-9a-f]{2}/iy) : '';
        if (low === '') return unit;
        return String.fromCharCode(unit, Number.parseInt(low.slice(2), 16)).codePointAt(0) ?? unit;
      }
      default:
        return char.codePointAt(0) ?? 0;
    }
  }

  private hex(digits: RegExp): number | undefined {
    const found = this.takeMatch(digits);
    return found === '' ? undefined : Number.parseInt(found, 16);
  }

  private take(): string {
    const char = String.fromCodePoint(this.pattern.codePointAt(this.at) ?? 0);
    this.at += char.length;
    return char;
  }

  /** What a sticky expression finds here, or nothing. */
  private takeMatch(expression: RegExp): string {
    expression.lastIndex = this.at;
    const found = expression.exec(this.pattern)?.[0] ?? '';
    this.at += found.length;
    return found;
  }
}

function literal(codePoint: number): string {
  return `\\x{${codePoint.toString(16).toUpperCase()}}`;
}

function refuse(what: string): PatternError {
  return new PatternError(`A pattern must not use ${what}: patterns are searched in linear time, which leaves it out.`);
}
