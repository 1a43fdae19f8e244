import type { Export, Import, JsonValue, Lookup, Mapping1, Mapping2, PageProcessor, TransformExpression } from '#model';
import type { TemplateScope } from '../expressions/template-scope.js';
import {
  compileMapper1,
  compileMapper2,
  type CompiledMapping,
  type MappingOptions,
  type RecordMap,
} from '../mapping/index.js';
import type { CompiledImport, CompiledLookup, FlowPlan } from '../program.js';
import { compileResponseMapping } from '../response-mapping/index.js';
import { compileTraceKey } from '../trace-key.js';
import { compileTransform } from '../transform/index.js';
import type { CompileFailures } from './compile-failures.js';
import { compileFanOut } from './one-to-many.js';
import type { DetailedStep, StepDetails } from './step-details.js';
import { compileStepFilter } from './step-filter.js';
import { stepScope } from './step-scope.js';

type Identified<T> = T & { readonly _id: string };

/** Compiles an export as a page processor. Reference: runtime §9.2. */
export function compileLookup(
  plan: FlowPlan,
  processor: PageProcessor,
  lookup: Identified<Export>,
  failures: CompileFailures,
): CompiledLookup & DetailedStep {
  const stepId = lookup._id;
  failures.refuseHook('preSavePage', lookup.hooks?.preSavePage, stepId);
  failures.refuseHook('preParse', lookup.hooks?.preParse, stepId);
  const scope = stepScope(plan, 'export', lookup);
  const mapping = compileMappings(lookup, undefined, scope, stepId, failures);
  const shapeFound = compileFound(lookup, scope, stepId, failures);
  return {
    kind: 'lookup',
    ...compileCommon(processor, stepId, failures),
    ...compileFilterOf(lookup.inputFilter, 'input_filter', scope, stepId, failures),
    ...(mapping === undefined ? {} : { map: mapping }),
    details: {
      ...compileChildren(lookup, 'resource', undefined, scope, stepId, failures),
      ...(shapeFound === undefined ? {} : { shapeFound }),
    },
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
  for (const name of ['preMap', 'postMap', 'postSubmit', 'postAggregate'] as const) {
    failures.refuseHook(name, target.hooks?.[name], stepId);
  }
  const scope = stepScope(plan, 'import', target);
  const mapping = compileMappings(target, operationOf(target), scope, stepId, failures);
  const shapeAnswer = compileAnswer(target.responseTransform, scope, stepId, failures);
  return {
    kind: 'import',
    ...compileCommon(processor, stepId, failures),
    ...compileFilterOf(target.filter, 'import_filter', scope, stepId, failures),
    ...(mapping === undefined ? {} : { map: mapping }),
    details: {
      ...compileChildren(target, 'resource', target.traceKeyTemplate, scope, stepId, failures),
      ...(shapeAnswer === undefined ? {} : { shapeAnswer }),
    },
  };
}

function compileCommon(
  processor: PageProcessor,
  stepId: string,
  failures: CompileFailures,
): Pick<CompiledLookup, 'proceedOnFailure' | 'mapResponse'> {
  failures.refuseHook('postResponseMap', processor.hooks?.postResponseMap, stepId);
  const response = failures.take(compileResponseMapping(processor.responseMapping), stepId);
  const mapResponse = response !== undefined && 'map' in response ? response.map : undefined;
  return {
    proceedOnFailure: processor.proceedOnFailure ?? false,
    ...(mapResponse === undefined ? {} : { mapResponse }),
  };
}

function compileFilterOf(
  filter: Export['inputFilter'],
  source: 'input_filter' | 'import_filter',
  scope: TemplateScope,
  stepId: string,
  failures: CompileFailures,
): Pick<CompiledLookup, 'filter'> {
  const compiled = compileStepFilter(filter, source, scope.settings, stepId, failures);
  return compiled === undefined ? {} : { filter: (record) => compiled(record) };
}

/** Mapper 2.0 when there is one, else Mapper 1.0; undefined when the record goes out as it is. */
function compileMappings(
  step: MappedStep,
  operation: MappingOptions['operation'],
  scope: TemplateScope,
  stepId: string,
  failures: CompileFailures,
): RecordMap | undefined {
  const options: MappingOptions = {
    // Either place is accepted (decision 22).
    lookups: lookupsOf(step),
    source: 'mapping',
    input: step.mappingContext ?? 'record',
    scope,
    ...(operation === undefined ? {} : { operation }),
  };
  const { mapping, mappings } = step;
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
  readonly http?: object;
}

function lookupsOf(step: MappedStep): readonly Lookup[] {
  const own = step.lookups ?? [];
  const mirrored =
    step.http !== undefined && 'lookups' in step.http ? (step.http.lookups as Lookup[] | undefined) : undefined;
  return own.length > 0 ? own : (mirrored ?? []);
}

/** Composite imports decide per record, in the destination. */
function operationOf(target: Import): MappingOptions['operation'] {
  const types = target.http?.requestType ?? [];
  if (types.length > 1) return undefined;
  if (types[0] !== undefined) return types[0] === 'CREATE' ? 'create' : 'update';
  const methods = target.http?.method ?? [];
  if (methods.length > 1) return undefined;
  if (methods[0] === 'PUT' || methods[0] === 'PATCH') return 'update';
  return target.http !== undefined || target.filesystem !== undefined || target.file !== undefined
    ? 'create'
    : undefined;
}

function compileChildren(
  step: Pick<Import, 'oneToMany' | 'pathToMany'>,
  source: 'resource',
  traceKeyTemplate: string | undefined,
  scope: TemplateScope,
  stepId: string,
  failures: CompileFailures,
): Pick<StepDetails, 'fanOut' | 'childTraceKey'> {
  if (step.oneToMany !== true) return {};
  const fanOut = compileFanOut(step.pathToMany, source);
  if (fanOut === null) {
    failures.add('invalid_value', `The path ${JSON.stringify(step.pathToMany)} to the children is malformed.`, stepId);
    return {};
  }
  return traceKeyTemplate === undefined || traceKeyTemplate === ''
    ? { fanOut }
    : { fanOut, childTraceKey: compileTraceKey(traceKeyTemplate, scope) };
}

/** Transform, then output filter, on every record that a lookup found. */
function compileFound(
  lookup: Identified<Export>,
  scope: TemplateScope,
  stepId: string,
  failures: CompileFailures,
): StepDetails['shapeFound'] {
  const transform = failures.take(compileTransform(lookup.transform, scope), stepId);
  const map = transform !== undefined && 'map' in transform ? transform.map : undefined;
  const filter = compileStepFilter(lookup.filter, 'output_filter', scope.settings, stepId, failures);
  if (map === undefined && filter === undefined) return undefined;
  return (found, run) => {
    const shaped: JsonValue[] = [];
    for (const record of found) {
      const mapped = map === undefined ? { value: record } : map(record, run);
      if ('failure' in mapped) return mapped.failure;
      const passes = filter === undefined || filter(mapped.value);
      if (typeof passes === 'object') return passes;
      if (passes) shaped.push(mapped.value);
    }
    return shaped;
  };
}

function compileAnswer(
  expression: TransformExpression | undefined,
  scope: TemplateScope,
  stepId: string,
  failures: CompileFailures,
): StepDetails['shapeAnswer'] {
  const transform = failures.take(compileTransform(expression, scope), stepId);
  return transform !== undefined && 'map' in transform ? transform.map : undefined;
}
