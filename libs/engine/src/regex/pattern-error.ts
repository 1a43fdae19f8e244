/** A pattern that is malformed or not supported, or a text that would take too long to search. The message is for its author. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}
