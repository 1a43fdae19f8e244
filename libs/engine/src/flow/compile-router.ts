import type { Failure } from '#failures';
import type { JsonRecord, JsonValue, Router } from '#model';
import { compileFilter, valuesOf, type Filter } from '../filter/index.js';
import type { BranchChoice, FlowPlan } from '../program.js';
import type { CompileFailures } from './compile-failures.js';
import { callForEach, compileOwned, invalidReturn } from './user-function.js';

/** Compiles how a router chooses among its branches: by their filters, or by a script. Reference: runtime §17. */
export function compileChoice(router: Router, plan: FlowPlan, failures: CompileFailures): BranchChoice {
  const takesFirst = router.routeRecordsTo !== 'all_matching_branches';
  return router.routeRecordsUsing === 'script'
    ? compileScript(router, takesFirst, plan, failures)
    : compileFilters(router, takesFirst, plan.settings, failures);
}

function compileFilters(
  router: Router,
  takesFirst: boolean,
  settings: Readonly<Record<string, JsonRecord>>,
  failures: CompileFailures,
): BranchChoice {
  const filters = router.branches.map(({ inputFilter, name }): Filter | null => {
    const rules = inputFilter?.rules ?? [];
    // A branch without filter matches everything.
    if (rules.length === 0) return null;
    const compiled = compileFilter(rules, { settings, source: 'routing' });
    if ('filter' in compiled) return compiled.filter;
    failures.add(compiled.error.code, `${compiled.error.message} (router ${router.id}, branch ${name})`);
    return null;
  });
  const branchesOf = (record: JsonValue, values: JsonRecord): readonly number[] | Failure => {
    const taken: number[] = [];
    for (let branch = 0; branch < filters.length; branch += 1) {
      const filter = filters[branch] ?? null;
      const passes = filter === null || filter(record, values);
      if (typeof passes === 'object') return passes;
      if (!passes) continue;
      taken.push(branch);
      if (takesFirst) break;
    }
    return taken;
  };
  return async (records, run) => records.map(({ record }) => branchesOf(record, valuesOf(run)));
}

const nothing: BranchChoice = async (records) => records.map(() => []);

function compileScript(router: Router, takesFirst: boolean, plan: FlowPlan, failures: CompileFailures): BranchChoice {
  if (router.script?._scriptId === undefined && router.script?._stackId === undefined) {
    failures.add('invalid_flow', `The router ${router.id} routes by a script, but names none.`);
    return nothing;
  }
  const owner = { plan, id: `router ${router.id}`, options: { settings: plan.settings } };
  const script = compileOwned(router.script, 'routing', 'routing', owner, failures);
  if (script === undefined) return nothing;
  const branches = namesOf(router);
  const branchesOf = (returned: JsonValue | undefined): readonly number[] | Failure => {
    const taken = new Set<number>();
    for (const answer of Array.isArray(returned) ? (returned as readonly JsonValue[]) : [returned]) {
      const branch = branchOf(answer, branches);
      if (branch === null) return unknownBranch(answer);
      taken.add(branch);
      if (takesFirst) break;
    }
    return [...taken].sort((a, b) => a - b);
  };
  return async (records, run, functions) => {
    const each = records.map(({ record }): JsonRecord => ({ record }));
    const outcomes = await callForEach(script, each, run, functions);
    return outcomes.map((outcome) => ('failure' in outcome ? outcome.failure : branchesOf(outcome.value)));
  };
}

interface BranchNames {
  readonly count: number;
  /** index by name; of equal names the first branch's */
  readonly byName: ReadonlyMap<string, number>;
}

function namesOf({ branches }: Router): BranchNames {
  const byName = new Map<string, number>();
  branches.forEach(({ name }, index) => {
    if (!byName.has(name)) byName.set(name, index);
  });
  return { count: branches.length, byName };
}

/** An index or a name (decision 26); null when it is neither. */
function branchOf(answer: JsonValue | undefined, { count, byName }: BranchNames): number | null {
  if (typeof answer === 'string') return byName.get(answer) ?? null;
  return Number.isInteger(answer) && (answer as number) >= 0 && (answer as number) < count ? (answer as number) : null;
}

function unknownBranch(answer: JsonValue | undefined): Failure {
  const shown = answer === undefined ? 'nothing' : JSON.stringify(answer).slice(0, 100);
  return invalidReturn('routing', `A router's function must return indices or names of its branches, not ${shown}.`);
}
