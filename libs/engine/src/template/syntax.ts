import Handlebars from 'handlebars';

type Program = hbs.AST.Program;
type Statement = hbs.AST.Statement;

/** Template text that is not a template of this language; the message is for the person who wrote it. */
export class TemplateSyntaxError extends Error {
  override readonly name = 'TemplateSyntaxError';
}

/** Longest template, in UTF-16 code units: parsing takes time, and compiling memory. */
const maxTemplateLength = 256 * 1024;

/** Most blocks, branches of one `{{else if}}` chain, or sub-expressions inside of each other. */
export const maxNesting = 500;

const blockTag = /\{\{\{?\{?~?(?:([#^])(?!~?\}\})|(\/)|else\s+[^\s}~])/g;

/**
 * Refuses deeper nesting before the library parses it, which takes time with the square of the depth. Comments are taken
 * for blocks; nobody comments hundreds of blocks out in a row.
 */
function checkNesting(text: string): void {
  const branches: number[] = [0];
  let depth = 0;
  for (const [, opens, closes] of text.matchAll(blockTag)) {
    if (closes !== undefined) {
      depth -= branches.pop() ?? 0;
      if (branches.length === 0) branches.push(0);
      continue;
    }
    if (opens !== undefined) branches.push(0);
    branches[branches.length - 1]! += 1;
    depth += 1;
    if (depth > maxNesting) throw new TemplateSyntaxError(`Blocks nest ${maxNesting} deep at most.`);
  }
  let calls = 0;
  for (const [token] of text.matchAll(/\{\{|[()]/g)) {
    calls = token === '{{' ? 0 : calls + (token === '(' ? 1 : -1);
    if (calls > maxNesting) throw new TemplateSyntaxError(`Sub-expressions nest ${maxNesting} deep at most.`);
  }
}

/**
 * Parses a template with the Handlebars library, and adapts it to this language (handlebars §9): raw blocks of any name
 * print their content; partials, decorators and inline partials do not exist.
 *
 * @throws TemplateSyntaxError, or Handlebars' own exceptions for malformed text
 */
export function parseTemplate(text: string): Program {
  if (text.length > maxTemplateLength) {
    throw new TemplateSyntaxError(`A template has at most ${maxTemplateLength} characters.`);
  }
  checkNesting(text);
  const program = Handlebars.parseWithoutProcessing(text);
  adapt(program);
  return Handlebars.parse(program as unknown as string);
}

function adapt(program: Program | undefined): void {
  if (program === undefined || program === null) return;
  program.body = program.body.flatMap(unwrapRawBlock);
  for (const statement of program.body) {
    if (statement.type === 'BlockStatement') {
      const block = statement as hbs.AST.BlockStatement;
      adapt(block.program);
      adapt(block.inverse);
    } else if (!knownStatements.has(statement.type)) {
      throw new TemplateSyntaxError('Partials and decorators are not part of this language.');
    }
  }
}

const knownStatements: ReadonlySet<string> = new Set(['MustacheStatement', 'ContentStatement', 'CommentStatement']);

/** Handlebars gives raw blocks empty strip objects; those of other blocks say which sides to strip. */
function unwrapRawBlock(statement: Statement): Statement[] {
  if (statement.type !== 'BlockStatement') return [statement];
  const block = statement as hbs.AST.BlockStatement;
  return Object.keys(block.openStrip ?? {}).length === 0 ? block.program.body : [statement];
}
