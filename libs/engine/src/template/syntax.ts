import Handlebars from 'handlebars';

type Program = hbs.AST.Program;
type Statement = hbs.AST.Statement;
type Expression = hbs.AST.Expression;

/** What the compiler has to know about a template before it compiles it. */
export interface TemplateSyntax {
  readonly program: Program;
  /** Names of the helpers that it calls. */
  readonly helpers: ReadonlySet<string>;
  readonly roots: ReadonlySet<string>;
}

/** Template text that is not a template of this language; the message is for the person who wrote it. */
export class TemplateSyntaxError extends Error {
  override readonly name = 'TemplateSyntaxError';
}

/** Helpers that mean something without arguments; any other helper name alone is a field of the record. */
const helpersWithoutArguments: ReadonlySet<string> = new Set(['timestamp']);

/**
 * Parses a template and adapts stock Handlebars to this language (handlebars §9): raw blocks of any name print their
 * content, a bare name of a helper reads the field, partials and decorators do not exist.
 *
 * @param isHelper whether a name is a helper of the language
 * @throws TemplateSyntaxError, or Handlebars' own exceptions for malformed text
 */
export function parseTemplate(text: string, isHelper: (name: string) => boolean): TemplateSyntax {
  const helpers = new Set<string>();
  const roots = new Set<string>();

  const readPath = (path: hbs.AST.PathExpression) => {
    const head = path.parts[0];
    if (typeof head === 'string' && !(path.data && head !== 'root'))
      roots.add(path.data ? (path.parts[1] ?? '') : head);
    else if (head === undefined) roots.add('');
  };

  const visitExpression = (expression: Expression): void => {
    if (expression.type === 'PathExpression') readPath(expression as hbs.AST.PathExpression);
    else if (expression.type === 'SubExpression') visitCall(expression as hbs.AST.SubExpression);
  };

  const visitCallee = (path: hbs.AST.PathExpression): void => {
    // `{{"Field Name"}}` reads the field of that name.
    if (path.type === 'PathExpression') readPath(path);
    else roots.add(path.original);
  };

  const visitCall = (call: { path: unknown; params: Expression[]; hash?: hbs.AST.Hash }): void => {
    const path = call.path as hbs.AST.PathExpression;
    const name = path.type === 'PathExpression' && path.parts.length === 1 && !path.data ? String(path.parts[0]) : null;
    const hasArguments = call.params.length > 0 || (call.hash?.pairs.length ?? 0) > 0;
    const isCall = (call as { type?: string }).type === 'SubExpression' || hasArguments;
    if (name !== null && path.depth === 0 && isHelper(name) && (isCall || helpersWithoutArguments.has(name))) {
      helpers.add(name);
    } else {
      if (hasArguments) throw new TemplateSyntaxError(`The helper '${path.original}' is not known.`);
      // Handlebars takes a single name for a helper of that name, `@first` included, unless it is scoped.
      if (path.type === 'PathExpression' && path.parts.length === 1 && !isScoped(path)) {
        path.original = `./${path.original}`;
      }
      visitCallee(path);
    }
    if (name === 'some' && call.params[1]?.type === 'PathExpression') call.params[1] = toLiteral(call.params[1]);
    call.params.forEach(visitExpression);
    call.hash?.pairs.forEach((pair) => visitExpression(pair.value));
  };

  const visitProgram = (program: Program | undefined): void => {
    if (program === undefined || program === null) return;
    program.body = program.body.flatMap(unwrapRawBlock);
    for (const statement of program.body) visitStatement(statement);
  };

  const visitStatement = (statement: Statement): void => {
    switch (statement.type) {
      case 'MustacheStatement':
        visitCall(statement as hbs.AST.MustacheStatement);
        return;
      case 'BlockStatement': {
        const block = statement as hbs.AST.BlockStatement;
        visitCall(block);
        visitProgram(block.program);
        visitProgram(block.inverse);
        return;
      }
      case 'ContentStatement':
      case 'CommentStatement':
        return;
      default:
        throw new TemplateSyntaxError('Partials and decorators are not part of this language.');
    }
  };

  const program = Handlebars.parseWithoutProcessing(text);
  visitProgram(program);
  return { program: Handlebars.parse(program as unknown as string), helpers, roots };
}

/** Handlebars gives raw blocks empty strip objects; those of other blocks say which sides to strip. */
function unwrapRawBlock(statement: Statement): Statement[] {
  if (statement.type !== 'BlockStatement') return [statement];
  const block = statement as hbs.AST.BlockStatement;
  return Object.keys(block.openStrip ?? {}).length === 0 ? block.program.body : [statement];
}

/** `{{#some xs isString}}` names its test bare. */
function toLiteral(expression: Expression): Expression {
  const value = (expression as hbs.AST.PathExpression).original;
  return { type: 'StringLiteral', value, original: value, loc: expression.loc } as hbs.AST.StringLiteral;
}

function isScoped(path: hbs.AST.PathExpression): boolean {
  return /^\.|this\b/.test(path.original);
}
