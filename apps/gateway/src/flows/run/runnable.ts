import type { Export, Flow, Import, Issue, PageProcessor } from '#model';

/** Steps of a flow by id. A legacy two-step flow names its steps at the top level. Reference: resources §3.2. */
export interface FlowSteps {
  readonly generatorIds: readonly string[];
  readonly lookupIds: readonly string[];
  readonly importIds: readonly string[];
}

export function stepsOf(flow: Flow): FlowSteps {
  const processors = processorsOf(flow);
  const generatorIds = (flow.pageGenerators ?? []).flatMap((generator) => generator._exportId ?? []);
  const importIds = processors.flatMap((step) => (step.type === 'import' ? (step._importId ?? []) : []));
  return {
    generatorIds: generatorIds.length === 0 && flow._exportId ? [flow._exportId] : generatorIds,
    lookupIds: processors.flatMap((step) => (step.type === 'export' ? (step._exportId ?? []) : [])),
    importIds: processors.length === 0 && flow._importId ? [flow._importId] : importIds,
  };
}

export function processorsOf(flow: Flow): readonly PageProcessor[] {
  const inBranches = (flow.routers ?? []).flatMap((router) =>
    router.branches.flatMap((branch) => branch.pageProcessors ?? []),
  );
  return [...(flow.pageProcessors ?? []), ...inBranches];
}

/** Why a flow cannot run as it stands, whatever the platform supports. */
export function incomplete(flow: Flow, steps: FlowSteps, known: (id: string) => boolean): Issue[] {
  if (steps.generatorIds.length === 0) {
    return [{ code: 'invalid_flow', message: 'The flow has no page generator.', field: 'pageGenerators' }];
  }
  const unnamed = (flow.routers ?? []).findIndex(
    ({ routeRecordsUsing, script }) => routeRecordsUsing === 'script' && !hasFunction(script),
  );
  if (unnamed >= 0) {
    const message = `The router ${unnamed} routes by a script and names none.`;
    return [{ code: 'invalid_flow', message, field: `routers[${unnamed}].script` }];
  }
  const placeholders = [...(flow.pageGenerators ?? []), ...processorsOf(flow)].some((step) => step.setupInProgress);
  if (placeholders) return [{ code: 'invalid_flow', message: 'A step of the flow is still being set up.' }];
  const gone = [...steps.generatorIds, ...steps.lookupIds, ...steps.importIds].filter((id) => !known(id));
  return gone.map((id) => ({ code: 'invalid_flow', message: `The step ${id} of the flow does not exist.` }));
}

/**
 * What the flow asks for that does not run yet: it is stored, and its run is refused by name; nothing is skipped
 * silently (decision 28).
 */
export function unsupported(flow: Flow, exports: readonly Export[], imports: readonly Import[]): Issue[] {
  const issues: Issue[] = [];
  const refuse = (what: string, field: string): void => {
    issues.push({ code: 'not_supported', message: `${what} cannot run yet.`, field });
  };
  if (flow.isAbstract || flow._abstractFlowId) refuse('Abstract flows and their instances', 'isAbstract');
  for (const step of exports) {
    const at = `exports/${step._id}`;
    if (step.http?._asyncHelperId) refuse('Async helpers', `${at}.http._asyncHelperId`);
    if (step.type === 'blob') refuse('Exports of type blob', `${at}.type`);
    if (step.http?.type) refuse(`HTTP exports of type ${step.http.type}`, `${at}.http.type`);
  }
  for (const step of imports) {
    const at = `imports/${step._id}`;
    if (step.http?._asyncHelperId) refuse('Async helpers', `${at}.http._asyncHelperId`);
    const lookups = [...(step.lookups ?? []), ...(step.http?.lookups ?? []), ...(step.rdbms?.lookups ?? [])];
    if (lookups.some((lookup) => lookup._lookupCacheId !== undefined)) refuse('Lookup caches', `${at}.lookups`);
    if (step.blob || step.blobKeyPath) refuse('Blob imports', `${at}.blob`);
    if (step.http?.type === 'file') refuse('HTTP imports of type file', `${at}.http.type`);
  }
  return issues;
}

type NamedFunction = { function?: string; _scriptId?: string; _stackId?: string } | undefined;

/** Hook stubs without a function are accepted and do nothing. Reference: resources §5.2. */
function hasFunction(hook: NamedFunction): boolean {
  return hook !== undefined && Boolean(hook.function || hook._scriptId || hook._stackId);
}
