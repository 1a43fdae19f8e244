import Handlebars from 'handlebars';

/**
 * Names of the dynamic lookups that a template reads, as `lookup.<name>` (handlebars §6); `all` when it takes `lookup` as a
 * whole. A text that is no template reads none: compiling it says what is wrong.
 */
export function lookupNamesIn(text: string): ReadonlySet<string> | 'all' {
  if (!text.includes('lookup')) return none;
  let program: hbs.AST.Program;
  try {
    program = Handlebars.parseWithoutProcessing(text);
  } catch {
    return none;
  }
  const reader = new LookupReader();
  reader.accept(program);
  return reader.readsAll ? 'all' : reader.names;
}

const none: ReadonlySet<string> = new Set();

class LookupReader extends Handlebars.Visitor {
  readonly names = new Set<string>();
  readsAll = false;

  override PathExpression(path: hbs.AST.PathExpression): void {
    const [head, name] = path.data && path.parts[0] === 'root' ? path.parts.slice(1) : path.parts;
    if (head !== 'lookup') return;
    if (name === undefined) this.readsAll = true;
    else this.names.add(name);
  }

  override MustacheStatement(call: hbs.AST.MustacheStatement): void {
    if (readsMap(call)) this.acceptArray(call.params);
    else super.MustacheStatement(call);
  }

  override SubExpression(call: hbs.AST.SubExpression): void {
    if (readsMap(call)) this.acceptArray(call.params);
    else super.SubExpression(call);
  }
}

/** `{{lookup "states" record.st}}` reads a static map. */
function readsMap({ path, params }: { path: unknown; params: readonly unknown[] }): boolean {
  const { parts } = path as hbs.AST.PathExpression;
  return params.length > 0 && parts?.length === 1 && parts[0] === 'lookup';
}
