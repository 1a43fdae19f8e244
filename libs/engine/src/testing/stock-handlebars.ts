import Handlebars from 'handlebars';
import type { JsonRecord } from '#model';
import { helperCatalogue } from '../template/helpers/catalogue.js';

type AnyFunction = (...args: unknown[]) => unknown;

/**
 * The Handlebars library with helpers of the language, an oracle for the code that the engine generates. It escapes for
 * HTML, knows no budget, and none of the language's own readings.
 */
export function renderWithHandlebars(text: string, root: JsonRecord): string {
  return library.compile(text)(root, { allowProtoPropertiesByDefault: false, allowProtoMethodsByDefault: false });
}

const library = Handlebars.create();
/** The library's own blocks; and `first` and `last`, which it would call for `@first` and `@last`. */
const left: ReadonlySet<string> = new Set(['if', 'unless', 'each', 'with', 'first', 'last']);

for (const [name, { kind, run }] of helperCatalogue) {
  if (left.has(name)) continue;
  const call = run as AnyFunction;
  if (kind === 'value') library.registerHelper(name, (...args: unknown[]) => call(...args.slice(0, -1)));
  if (kind === 'condition') {
    library.registerHelper(name, function (this: unknown, ...args: unknown[]) {
      const options = args.at(-1) as Handlebars.HelperOptions;
      const answer = call(...args.slice(0, -1));
      // In a sub-expression the library passes no programs.
      if (typeof options.fn !== 'function') return answer;
      if (answer === undefined) return '';
      return answer === true ? options.fn(this) : options.inverse(this);
    });
  }
}
