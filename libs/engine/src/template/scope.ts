/** What names mean at one place of a template, at compile time. Values are names of variables of the generated code. */
export interface Scope {
  /** holds `this` */
  readonly context: string;
  /** what `../` leads to; null at the root */
  readonly parent: Scope | null;
  /**
   * holds whether `this` is the parent's after all: a section over `true` opens no scope, and only the run knows. Null for
   * scopes that are always there.
   */
  readonly isTransparent: string | null;
  /** holds the {@link Turn} of the innermost loop, or null; null itself outside of loops */
  readonly turn: string | null;
  /** block parameters, by name */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Where a loop is: `@index`, `@key`, `@first`, `@last`. */
export interface Turn {
  index: number;
  key: unknown;
  first: boolean;
  last: boolean;
  /** of the loop around it: `@../index` */
  readonly parent: Turn | null;
}

const turnNames: ReadonlySet<string> = new Set(['index', 'key', 'first', 'last']);

export function rootScope(context: string): Scope {
  return { context, parent: null, isTransparent: null, turn: null, parameters: new Map() };
}

/** The scopes from the given one outwards. */
function outwards(scope: Scope): readonly Scope[] {
  const chain: Scope[] = [];
  for (let at: Scope | null = scope; at !== null; at = at.parent) chain.push(at);
  return chain;
}

/**
 * Code of `../`, `depth` times.
 *
 * @param ancestorCall name of {@link ancestor} in the code
 */
export function contextCode(scope: Scope, depth: number, ancestorCall: string): string {
  if (depth === 0) return scope.context;
  const chain = outwards(scope);
  if (chain.every(({ isTransparent }) => isTransparent === null)) return chain[depth]?.context ?? 'undefined';
  const contexts = chain.map(({ context }) => context).join(', ');
  const flags = chain.map(({ isTransparent }) => isTransparent ?? 'false').join(', ');
  return `${ancestorCall}([${contexts}], [${flags}], ${depth})`;
}

/** The context `depth` scopes outwards, not counting transparent ones. */
export function ancestor(contexts: readonly unknown[], isTransparent: readonly boolean[], depth: number): unknown {
  return contexts.filter((_, at) => isTransparent[at] !== true)[depth];
}

/** Whether `../`, `depth` times, may lead to the root. */
export function mayReachRoot(scope: Scope, depth: number): boolean {
  const chain = outwards(scope);
  const certain = chain.filter(({ isTransparent }) => isTransparent === null).length;
  return depth >= certain - 1 && depth < chain.length;
}

/** Code of `@index` and its kin. */
export function turnCode(turn: string | null, depth: number, name: string): string {
  return turn === null || !turnNames.has(name) ? 'undefined' : `${turn}${'?.parent'.repeat(depth)}?.${name}`;
}
