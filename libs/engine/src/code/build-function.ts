/**
 * Makes a function of generated code: the only place of the engine where text becomes code.
 *
 * Callers answer for the text: names are their own, and whatever came from users is in it as JSON literals (which are
 * JavaScript literals) or not at all, but passed in `constants`.
 *
 * @param constants what the code closes over, by the names it uses
 * @param expression a JavaScript expression
 * @returns its value, the function
 */
export function buildFunction(constants: Readonly<Record<string, unknown>>, expression: string): unknown {
  // Not as parameters: functions have 65,534 of them at most.
  const declarations = Object.keys(constants).map((name, index) => `const ${name} = constants[${index}];`);
  // oxlint-disable-next-line typescript/no-implied-eval -- see above
  const build = new Function('constants', `"use strict"; ${declarations.join(' ')} return ${expression};`) as (
    values: readonly unknown[],
  ) => unknown;
  return build(Object.values(constants));
}
