import {
  resourceTypes,
  valuesAt,
  type Connection,
  type Export,
  type Flow,
  type Import,
  type PageProcessor,
} from '#model';

/** Ids of what a flow refers to, without repeats. */
export interface FlowReferences {
  readonly exportIds: readonly string[];
  readonly importIds: readonly string[];
}

/** Exports and imports of a flow: page generators, page processors and the branches of its routers. */
export function referencesOf(flow: Flow): FlowReferences {
  const exportIds = new Set<string>();
  const importIds = new Set<string>();
  const addProcessor = (processor: PageProcessor): void => {
    if (processor._exportId) exportIds.add(processor._exportId);
    if (processor._importId) importIds.add(processor._importId);
  };
  for (const generator of flow.pageGenerators ?? []) if (generator._exportId) exportIds.add(generator._exportId);
  for (const processor of flow.pageProcessors ?? []) addProcessor(processor);
  for (const router of flow.routers ?? []) {
    for (const branch of router.branches) for (const processor of branch.pageProcessors ?? []) addProcessor(processor);
  }
  return { exportIds: [...exportIds], importIds: [...importIds] };
}

/**
 * The flow with its steps in the current form: a legacy two-step flow names one export and one import at the top level.
 * Reference: resources §3.2.
 */
export function withCurrentSteps<F extends Flow>(flow: F): F {
  const isLegacy = flow._exportId !== undefined && (flow.pageGenerators ?? []).length === 0;
  if (!isLegacy) return flow;
  const hasProcessors = (flow.pageProcessors ?? []).length > 0 || (flow.routers ?? []).length > 0;
  return {
    ...flow,
    pageGenerators: [{ _exportId: flow._exportId }],
    ...(hasProcessors || flow._importId === undefined
      ? {}
      : { pageProcessors: [{ type: 'import', _importId: flow._importId }] }),
  };
}

/** Functions of forms and of saving run elsewhere, never in a run. */
const outsideOfRuns = ['preSave.', 'settingsForm.'];

type FunctionHome = 'scripts' | 'stacks';

const pathsTo = (home: FunctionHome, type: 'flows' | 'exports' | 'imports' | 'connections'): string[] =>
  resourceTypes[type].references
    .filter(({ path, to }) => to === home && !outsideOfRuns.some((place) => path.startsWith(place)))
    .map(({ path }) => path);

/** What may name a function that a run calls. */
export interface FunctionNamers {
  readonly flow: Flow;
  readonly exports: readonly Export[];
  readonly imports: readonly Import[];
  readonly connections: readonly Connection[];
}

/**
 * Scripts, or stacks, whose functions a run may call: hooks, filters, transforms, routers and wrappers.
 * Reference: runtime §16.
 */
export function functionHomesOf(home: FunctionHome, namers: FunctionNamers): readonly string[] {
  const { flow, exports, imports, connections } = namers;
  const named = [
    ...pathsTo(home, 'flows').flatMap((path) => valuesAt(flow, path)),
    ...exports.flatMap((step) => pathsTo(home, 'exports').flatMap((path) => valuesAt(step, path))),
    ...imports.flatMap((step) => pathsTo(home, 'imports').flatMap((path) => valuesAt(step, path))),
    ...connections.flatMap((each) => pathsTo(home, 'connections').flatMap((path) => valuesAt(each, path))),
  ];
  return [...new Set(named.map(({ value }) => value).filter((id) => typeof id === 'string'))];
}
