import { memberExpression } from '../code/member-expression.js';
import type { CodeWriter } from '../code/code-writer.js';
import { isPlain, readable, type Segment } from '../paths/index.js';
import type { FieldPlan, ObjectPlan } from './plan.js';

/** Longer beginnings of paths are not looked for: there are as many as a path is long. */
const maxLength = 8;

/**
 * Objects of the record that several fields read from, each read once: checking at every field again that it is an object
 * costs as much as all the rest of a map. By the names that lead to it from the record.
 */
export class Hoisted {
  private readonly variables = new Map<string, string>();

  constructor(
    private readonly code: CodeWriter,
    private readonly record: string,
  ) {}

  /** Declares what the paths have in common. */
  declare(paths: readonly (readonly Segment[])[]): void {
    const uses = new Map<string, { readonly names: readonly string[]; count: number }>();
    for (const path of paths) {
      if (!isPlain(path)) continue;
      for (let length = 0; length < Math.min(path.length, maxLength); length += 1) {
        const names = path.slice(0, length);
        const known = uses.get(keyOf(names));
        if (known === undefined) uses.set(keyOf(names), { names, count: 1 });
        else known.count += 1;
      }
    }
    const shared = Array.from(uses.values()).filter(({ count }) => count > 1);
    for (const { names } of shared.toSorted((a, b) => a.names.length - b.names.length)) {
      const value = this.code.declare(`${this.code.constant(readable)}(${this.read(names)})`);
      this.variables.set(keyOf(names), value);
    }
  }

  /** Expression of what stands at a path of the record. */
  read(names: readonly string[]): string {
    for (let length = Math.min(names.length, maxLength) - 1; length >= 0; length -= 1) {
      const variable = this.variables.get(keyOf(names.slice(0, length)));
      if (variable !== undefined) return memberExpression(this.code, variable, names.slice(length), true);
    }
    return memberExpression(this.code, this.record, names);
  }
}

const keyOf = (names: readonly string[]): string => JSON.stringify(names);

/** Paths of all sources of a plan. */
export function pathsOf(plan: ObjectPlan): (readonly Segment[])[] {
  const fields = plan.kind === 'fields' ? plan.fields : plan.assignments.map(({ field }) => field);
  return fields.flatMap(pathsOfField);
}

function pathsOfField({ source, members, parts = [] }: FieldPlan): (readonly Segment[])[] {
  const sources = [source, ...parts.map((part) => part.source)];
  return [
    ...sources.flatMap((one) => (one?.kind === 'path' ? [one.segments] : [])),
    ...[members, ...parts.map((part) => part.members)].flatMap((inner) => (inner === undefined ? [] : pathsOf(inner))),
  ];
}
