import { RE2JS } from 're2js';
import { PatternError } from './pattern-error.js';
import { translate } from './translate.js';

/**
 * Regular expressions of users, in JavaScript's syntax and meaning but searched in time linear in the text (P7): a hostile
 * pattern cannot hold a worker. Left out are look-ahead, back-references, and modifiers in groups. Unlike in JavaScript a
 * character is always a code point, as with the flag `u`.
 *
 * Every method throws {@link PatternError} for a text that is too long to be searched with the pattern.
 */
export interface Pattern {
  /** Instructions it compiled to. A search takes time up to this times the length of the text. */
  readonly size: number;
  /** Whether it matches anywhere in the text. */
  test(text: string): boolean;
  /** Where its first match begins, in UTF-16 code units; -1 without one. */
  search(text: string): number;
  /** Its match of an ordinal, from 0; undefined when there are not so many. */
  match(text: string, ordinal: number): string | undefined;
  /**
   * Replaces its first match, or all of them with the flag `g`. `$$`, `$&`, `$1` and `$<name>` in the replacement mean what
   * they mean in JavaScript.
   */
  replace(text: string, replacement: string): string;
}

/** In UTF-16 code units. */
const maxSource = 4_000;

/** Instructions that a pattern may compile to; more would take too long to compile. */
const maxSize = 2_000;

/** Instructions × code units read that one call may need at worst: well under a second. */
const maxWork = 20_000_000;

/** Code units that replacing may give. */
const maxReplaced = 16_000_000;

/**
 * Compiles a pattern.
 *
 * @param flags any of `gimsu`
 * @throws PatternError when it is malformed, too large, or uses what cannot be searched in linear time
 */
export function compilePattern(source: string, flags = ''): Pattern {
  if (source.length > maxSource) throw new PatternError(`A pattern may have ${maxSource} characters at most.`);
  if (!/^[gimsu]*$/.test(flags)) throw new PatternError(`The flags ${JSON.stringify(flags)} are not supported.`);
  checkSyntax(source, flags);
  const { source: translated, size, isLocal } = translate(source, flags.includes('s'));
  if (size > maxSize) throw new PatternError(`The pattern ${shown(source)} is too large: it repeats too much.`);
  return new LinearPattern(compileLinear(translated, source, flags), size, isLocal, flags.includes('g'));
}

const shown = (source: string): string => JSON.stringify(source.slice(0, 200));

/** JavaScript's own parser says what is JavaScript; its expression is never run. */
function checkSyntax(source: string, flags: string): void {
  try {
    // oxlint-disable-next-line no-new -- see above
    new RegExp(source, flags);
  } catch {
    throw new PatternError(`The pattern ${shown(source)} is malformed.`);
  }
}

function compileLinear(translated: string, source: string, flags: string): RE2JS {
  const mode =
    RE2JS.LOOKBEHINDS |
    (flags.includes('i') ? RE2JS.CASE_INSENSITIVE : 0) |
    (flags.includes('m') ? RE2JS.MULTILINE : 0);
  try {
    return RE2JS.compile(translated, mode);
  } catch (error) {
    throw new PatternError(`The pattern ${shown(source)} is not supported: ${(error as Error).message}.`);
  }
}

class LinearPattern implements Pattern {
  constructor(
    private readonly expression: RE2JS,
    readonly size: number,
    private readonly isLocal: boolean,
    private readonly isGlobal: boolean,
  ) {}

  test(text: string): boolean {
    this.admit(text.length);
    return this.expression.test(text);
  }

  search(text: string): number {
    this.admit(text.length);
    const found = this.expression.exec(text) as { readonly index: number } | null;
    return found?.index ?? -1;
  }

  match(text: string, ordinal: number): string | undefined {
    let at = 0;
    for (const found of this.matches(text)) {
      if (at === ordinal) return found[0];
      at += 1;
    }
    return undefined;
  }

  replace(text: string, replacement: string): string {
    if (/\$[`']/.test(replacement.replaceAll('$$', '')))
      throw new PatternError("A replacement must not use $` or $': its result could be of any size.");
    this.admit(text.length);
    const most = this.isGlobal ? this.countMatches(text, replacement) : 1;
    const references = replacement.split('$').length - 1;
    if (most * replacement.length + references * text.length > maxReplaced)
      throw new PatternError(`Replacing gives a text of more than ${maxReplaced} characters.`);
    const matcher = this.expression.matcher(text);
    return this.isGlobal ? matcher.replaceAll(replacement) : matcher.replaceFirst(replacement);
  }

  /** The matches, or as many as there can be at most where that is enough to know. */
  private countMatches(text: string, replacement: string): number {
    const most = text.length + 1;
    if (this.isLocal && most * replacement.length <= maxReplaced / 2) return most;
    let count = 0;
    for (const _ of this.matches(text)) count += 1;
    return count;
  }

  private *matches(text: string): Generator<RegExpMatchArray> {
    this.admit(text.length);
    let read = text.length;
    for (const found of this.expression.matchAll(text)) {
      yield found;
      if (this.isLocal) continue;
      // The next attempt may read all that is left.
      read += text.length - (found.index ?? 0);
      this.admit(read);
    }
  }

  private admit(read: number): void {
    if (read * this.size > maxWork) throw new PatternError('The text is too long to be searched with this pattern.');
  }
}
