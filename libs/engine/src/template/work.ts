import { maxOutputBytes } from './template.js';

/**
 * What rendering may cost. The engine has no clock, so work is counted, in units of about a nanosecond: a record then fails
 * or succeeds alike on a fast machine and on a slow one. Loop turns, helper calls and printed values are charged, texts and
 * lists by their length. So a costly template delays other pages by less than a second (P5).
 */

/** Most work of one record. */
const maxRecordWork = 250_000_000;
/** Most work of all records between two turns of the event loop: a page is mapped in one. */
const maxTurnWork = 500_000_000;
/** What a record gets when others have used up the turn; a hundred times what a template needs usually. */
const guaranteedWork = 500_000;
/** Longest text that a helper makes, in UTF-16 code units: bounds memory between two charges. */
const maxMadeText = 8_000_000;

/** One per thread: rendering is synchronous and does not nest. */
class WorkMeter {
  /** Units left to the rendering under way. Generated code lowers it, and calls {@link exceeded} below zero. */
  left = 0;
  #granted = 0;
  #turnLeft = maxTurnWork;
  #awaitsTurn = false;

  begin(): void {
    this.#granted = Math.max(guaranteedWork, Math.min(maxRecordWork, this.#turnLeft));
    this.left = this.#granted;
  }

  end(): void {
    this.#turnLeft -= this.#granted - this.left;
    if (this.#awaitsTurn) return;
    this.#awaitsTurn = true;
    setImmediate(() => {
      this.#awaitsTurn = false;
      this.#turnLeft = maxTurnWork;
    }).unref();
  }

  spend(units: number): void {
    this.left -= units;
    if (this.left < 0) this.exceeded();
  }

  exceeded(): never {
    throw new Error(
      'The template takes too much work: its loops have too many turns, or its helpers read or make too much text.',
    );
  }
}

export const work = new WorkMeter();

/** Charges for a value that a helper is going to read; gives it back. */
export function charged(value: unknown, unitsPerElement: number): unknown {
  if (typeof value === 'string' || Array.isArray(value)) work.spend(value.length * unitsPerElement);
  return value;
}

/** Charges for what a helper made; gives it back. */
export function made(value: unknown): unknown {
  if (typeof value === 'string') checkText(value.length);
  return value;
}

/**
 * Charges for a text; helpers that can make a long one of a short one ask before they make it.
 *
 * @param length in UTF-16 code units
 * @throws Error when it is longer than helpers may make
 */
export function checkText(length: number): void {
  if (length > maxMadeText) throw new Error('A helper of the template makes too much text.');
  work.spend(length);
}

/** @throws Error when the output so far is too large; a UTF-16 code unit takes a byte at least */
export function outputTooLarge(): never {
  throw new Error(`The output is larger than ${maxOutputBytes / 1024 / 1024} MB.`);
}
