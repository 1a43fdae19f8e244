import type { Export, Import, Lookup, Mapping1, Mapping2, PageProcessor } from '#model';
import type { TemplateScope } from '../expressions/template-scope.js';
import { valuesOf } from '../filter/index.js';
import { compileGrouping } from '../grouping.js';
import {
  compileMapper1,
  compileMapper2,
  type CompiledMapping,
  type MappingOptions,
  type RecordMap,
} from '../mapping/index.js';
import type { CompiledImport, CompiledLookup, FlowPlan, Operation } from '../program.js';
import { compileResponseMapping } from '../response-mapping/index.js';
import { compileTraceKey } from '../trace-key.js';
import type { CompileFailures } from './compile-failures.js';
import { compositeOf } from './composite.js';
import { compileDataURI } from './data-uri.js';
import { compileIdLock } from './id-lock.js';
import { compileChoices, lookupsOf } from './import-lookups.js';
import { compileFanOut } from './one-to-many.js';
import { compileShaper } from './record-shaper.js';
import type { DetailedStep, StepDetails } from './step-details.js';
import { compileStepFilter, type StepFilter } from './step-filter.js';
import { stepScope } from './step-scope.js';
import { compileFunction, type FunctionPlace, type UserFunction } from './user-function.js';

type Identified<T> = T & { readonly _id: string };

/** Compiles an export as a page processor. Reference: runtime §9.2. */
export function compileLookup(
  plan: FlowPlan,
  processor: PageProcessor,
  lookup: Identified<Export>,
  failures: CompileFailures,
): CompiledLookup & DetailedStep {
  const stepId = lookup._id;
  const place: FunctionPlace = { plan, kind: 'export', step: lookup };
  const scope = stepScope(plan, 'export', lookup);
  const mapping = compileMappings(lookup, mappingOptions(lookup, scope, false), stepId, failures);
  const filter = compileStepFilter(lookup.inputFilter, 'input_filter', scope.settings, place, failures);
  return {
    kind: 'lookup',
    ...compileCommon(processor, stepId, failures),
    ...filterOf(filter),
    ...(mapping === undefined ? {} : { map: mapping }),
    details: defined({
      ...compileChildren(lookup, 'resource', undefined, scope, stepId, failures),
      ...compileResponseHook(processor, place, failures),
      filterScript: scriptOf(filter),
      idLock: compileIdLock(lookup.idLockTemplate, scope),
      groupKey: compileGrouping(lookup),
      shapeFound: compileShaper(lookup.transform, lookup.filter, scope, place, failures),
      preSavePage: compileFunction(lookup.hooks?.preSavePage, 'preSavePage', 'pre_save_page_hook', place, failures),
    }),
  };
}

/** Compiles an import. Reference: runtime §9.3. */
export function compileImport(
  plan: FlowPlan,
  processor: PageProcessor,
  target: Identified<Import>,
  failures: CompileFailures,
): CompiledImport & DetailedStep {
  const stepId = target._id;
  const { hooks } = target;
  const place: FunctionPlace = { plan, kind: 'import', step: target };
  const scope = stepScope(plan, 'import', target);
  const options = mappingOptions(target, scope, target.http !== undefined || target.rdbms !== undefined);
  const mapping = compileImportMapping(target, options, failures);
  const filter = compileStepFilter(target.filter, 'import_filter', scope.settings, place, failures);
  return {
    kind: 'import',
    ...compileCommon(processor, stepId, failures),
    ...filterOf(filter),
    ...(mapping === undefined ? {} : { map: mapping }),
    details: defined({
      ...compileChildren(target, 'resource', target.traceKeyTemplate, scope, stepId, failures),
      ...compileResponseHook(processor, place, failures),
      filterScript: scriptOf(filter),
      idLock: compileIdLock(target.idLockTemplate, scope),
      dataURI: compileDataURI(target.dataURITemplate, scope),
      choices: compileChoices(target, options, failures),
      preMap: compileFunction(hooks?.preMap, 'preMap', 'pre_map_hook', place, failures),
      postMap: compileFunction(hooks?.postMap, 'postMap', 'post_map_hook', place, failures),
      postSubmit: compileFunction(hooks?.postSubmit, 'postSubmit', 'post_submit_hook', place, failures),
      postAggregate: compileFunction(hooks?.postAggregate, 'postAggregate', 'post_aggregate_hook', place, failures),
      shapeAnswer: compileShaper(target.responseTransform, undefined, scope, place, failures, 'responseTransform'),
    }),
  };
}

/** Without the members that are undefined. */
function defined(details: { readonly [K in keyof StepDetails]: StepDetails[K] | undefined }): StepDetails {
  return Object.fromEntries(Object.entries(details).filter(([, value]) => value !== undefined));
}

function filterOf(filter: StepFilter | undefined): Pick<CompiledLookup, 'filter'> {
  if (filter === undefined || 'script' in filter) return {};
  const { keeps } = filter;
  return { filter: (record, run) => keeps(record, valuesOf(run)) };
}

function scriptOf(filter: StepFilter | undefined): UserFunction | undefined {
  return filter !== undefined && 'script' in filter ? filter.script : undefined;
}

/** Reference: runtime §16: the script itself says whether it wants to see the children of one-to-many. */
function compileResponseHook(
  processor: PageProcessor,
  place: FunctionPlace,
  failures: CompileFailures,
): Pick<StepDetails, 'postResponseMap' | 'hookSeesChildren'> {
  const named = processor.hooks?.postResponseMap;
  const hook = compileFunction(named, 'postResponseMap', 'post_response_map_hook', place, failures);
  if (hook === undefined) return {};
  const script = named?._scriptId === undefined ? undefined : place.plan.scripts?.[named._scriptId];
  return { postResponseMap: hook, hookSeesChildren: script?.postResponseHookToProcessOnChildRecord ?? false };
}

function compileCommon(
  processor: PageProcessor,
  stepId: string,
  failures: CompileFailures,
): Pick<CompiledLookup, 'proceedOnFailure' | 'mapResponse'> {
  const response = failures.take(compileResponseMapping(processor.responseMapping), stepId);
  const mapResponse = response !== undefined && 'map' in response ? response.map : undefined;
  return {
    proceedOnFailure: processor.proceedOnFailure ?? false,
    ...(mapResponse === undefined ? {} : { mapResponse }),
  };
}

function mappingOptions(step: MappedStep, scope: TemplateScope, dynamicLookups: boolean): MappingOptions {
  return { lookups: lookupsOf(step), source: 'mapping', input: step.mappingContext ?? 'record', scope, dynamicLookups };
}

/** A composite import has its mapping twice: conditions on creation and update are decided when it is compiled. */
function compileImportMapping(
  target: Identified<Import>,
  options: MappingOptions,
  failures: CompileFailures,
): CompiledImport['map'] {
  const compile = (operation: Operation | undefined): RecordMap | undefined =>
    compileMappings(target, { ...options, ...(operation === undefined ? {} : { operation }) }, target._id, failures);
  if (compositeOf(target) === undefined) return compile(operationOf(target));
  const [create, update] = [compile('create'), compile('update')];
  if (create === undefined || update === undefined) return undefined;
  return (record, run, answers, operation) => (operation === 'update' ? update : create)(record, run, answers);
}

/** Mapper 2.0 when there is one, else Mapper 1.0; undefined when the record goes out as it is. */
function compileMappings(
  { mapping, mappings }: MappedStep,
  options: MappingOptions,
  stepId: string,
  failures: CompileFailures,
): RecordMap | undefined {
  let compiled: CompiledMapping | undefined;
  if (mappings !== undefined && mappings.length > 0) compiled = compileMapper2(mappings, options);
  else if ((mapping?.fields?.length ?? 0) + (mapping?.lists?.length ?? 0) > 0)
    compiled = compileMapper1(mapping!, options);
  return compiled === undefined ? undefined : failures.take(compiled, stepId)?.map;
}

interface MappedStep {
  readonly mapping?: Mapping1;
  readonly mappings?: Mapping2;
  readonly lookups?: Lookup[];
  readonly mappingContext?: 'record' | 'settings';
}

/** What an import does with every record, as far as its settings tell; composite imports decide for each. */
function operationOf(target: Import): Operation | undefined {
  if (target.ignoreExisting === true) return 'create';
  if (target.ignoreMissing === true) return 'update';
  const [type = target.rdbms?.queryType[0]] = target.http?.requestType ?? [];
  if (type === 'CREATE' || type === 'INSERT' || type === 'bulk_insert') return 'create';
  if (type === 'UPDATE') return 'update';
  const [method] = target.http?.method ?? [];
  if (method === 'PUT' || method === 'PATCH') return 'update';
  return target.rdbms === undefined ? 'create' : undefined;
}

function compileChildren(
  step: Pick<Import, 'oneToMany' | 'pathToMany'>,
  source: 'resource',
  traceKeyTemplate: string | undefined,
  scope: TemplateScope,
  stepId: string,
  failures: CompileFailures,
): Pick<StepDetails, 'fanOut' | 'childTraceKey' | 'pathToMany'> {
  if (step.oneToMany !== true) return {};
  const fanOut = compileFanOut(step.pathToMany, source);
  if (fanOut === null) {
    failures.add('invalid_value', `The path ${JSON.stringify(step.pathToMany)} to the children is malformed.`, stepId);
    return {};
  }
  const children = step.pathToMany === undefined ? { fanOut } : { fanOut, pathToMany: step.pathToMany };
  return traceKeyTemplate === undefined || traceKeyTemplate === ''
    ? children
    : { ...children, childTraceKey: compileTraceKey(traceKeyTemplate, scope) };
}
