import type { Failure } from '#failures';
import type { JsonRecord, JsonValue, Router } from '#model';
import { engineCodes } from '../codes.js';
import { compileFilter, type Filter } from '../filter/index.js';
import type { BranchChoice } from '../program.js';
import type { CompileFailures } from './compile-failures.js';

const nothing: BranchChoice = { by: 'filters', branchesOf: () => [] };

/** Compiles how a router chooses among its branches: by their filters, or by a script. Reference: runtime §17. */
export function compileChoice(
  router: Router,
  settings: Readonly<Record<string, JsonRecord>>,
  failures: CompileFailures,
): BranchChoice {
  const takesFirst = router.routeRecordsTo !== 'all_matching_branches';
  if (router.routeRecordsUsing === 'script') return compileScript(router, takesFirst, settings, failures);
  const filters = router.branches.map(({ inputFilter, name }): Filter | null => {
    const compiled = compileFilter(inputFilter?.rules, { settings, source: 'routing' });
    if ('filter' in compiled) return (inputFilter?.rules ?? []).length === 0 ? null : compiled.filter;
    failures.add(compiled.error.code, `${compiled.error.message} (router ${router.id}, branch ${name})`);
    return null;
  });
  return {
    by: 'filters',
    branchesOf: (record) => {
      const taken: number[] = [];
      for (let branch = 0; branch < filters.length; branch += 1) {
        const filter = filters[branch];
        // A branch without filter matches everything.
        const passes = filter == null || filter(record);
        if (typeof passes === 'object') return passes;
        if (!passes) continue;
        taken.push(branch);
        if (takesFirst) break;
      }
      return taken;
    },
  };
}

function compileScript(
  router: Router,
  takesFirst: boolean,
  settings: Readonly<Record<string, JsonRecord>>,
  failures: CompileFailures,
): BranchChoice {
  const { function: name, _scriptId, _stackId, configuration } = router.script ?? {};
  const home = _scriptId === undefined ? _stackId !== undefined && { stackId: _stackId } : { scriptId: _scriptId };
  if (name === undefined || name === '' || home === false) {
    failures.add('invalid_flow', `The router ${router.id} routes by a script and names no function.`);
    return nothing;
  }
  const branches = namesOf(router);
  return {
    by: 'script',
    reference: {
      home,
      name,
      instance: `router/${router.id}`,
      ...(configuration === undefined ? {} : { configuration: configuration as JsonRecord }),
    },
    options: { settings },
    branchesOf: (returned) => {
      const taken = new Set<number>();
      for (const answer of Array.isArray(returned) ? (returned as readonly JsonValue[]) : [returned]) {
        const branch = branchOf(answer, branches);
        if (branch === null) return unknownBranch(answer);
        taken.add(branch);
        if (takesFirst) break;
      }
      return [...taken].sort((a, b) => a - b);
    },
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
  return {
    code: engineCodes.invalid_extension_response.code,
    message: `A router's function must return indices or names of branches, not ${shown}.`,
    source: 'routing',
  };
}
