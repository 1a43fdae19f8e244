import { z } from 'zod';
import { accessToken, accessTokenInput } from './access-token.js';
import { connection, connectionInput } from './connection.js';
import { exportInput, exportSchema } from './export.js';
import { flow, flowInput } from './flow.js';
import { importInput, importSchema } from './import.js';
import { integration, integrationInput } from './integration.js';
import type { Issues } from './issue.js';
import type { PathPattern } from './paths.js';
import { accessTokenRules } from './rules/access-token.js';
import { connectionRules, prepareConnection } from './rules/connection.js';
import { exportRules, prepareExport } from './rules/export.js';
import { flowRules } from './rules/flow.js';
import { importRules, prepareImport } from './rules/import.js';
import { checkDebugWindow, checkName, type CheckContext, type Rules } from './rules/rule.js';
import { stackRules } from './rules/stack.js';
import { script, scriptInput } from './script.js';
import { stack, stackInput } from './stack.js';
import { stampFlow, stampImport, stampIntegration, stampNothing, stampScript, type Stamp } from './stamps.js';

export type ResourceTypeName =
  'integrations' | 'connections' | 'exports' | 'imports' | 'flows' | 'scripts' | 'stacks' | 'accesstokens';

/** A place in a document that names another resource. */
export interface Reference {
  readonly path: PathPattern;
  readonly to: ResourceTypeName;
}

/**
 * All that sets one resource type apart, so that reading, writing, listing and patching are written once.
 */
export interface ResourceType {
  /** Path segment and store type. */
  readonly name: ResourceTypeName;
  /** Singular, as in clone answers and the OpenAPI document: `Flow`. */
  readonly title: string;
  /** What a client may write. */
  readonly input: z.ZodObject;
  /** What a client reads. */
  readonly document: z.ZodObject;
  /** Settles what must be known before validation (adaptor type), and refuses what is out of scope by name. */
  readonly prepare?: (
    document: Readonly<Record<string, unknown>>,
    issues: Issues,
    context: CheckContext,
  ) => Record<string, unknown>;
  readonly rules: Rules;
  readonly stamp: Stamp;
  /** Secrets: sealed at rest, masked in answers. Reference: resources §1.7. */
  readonly secrets: readonly PathPattern[];
  /** JSON Patch paths; `*` is an array index, and whatever lies below a listed object path is not listed. */
  readonly patchable: readonly string[];
  /** Left out of lists and of PUT answers. Reference: resources §1.5, §9. */
  readonly heavy: readonly string[];
  /** Kept when a PUT omits them. Reference: resources §1.6. */
  readonly keptOnReplace: readonly string[];
  readonly references: readonly Reference[];
}

/** Places of functions: each names a script or a stack. */
const functionsAt = (...places: readonly PathPattern[]): Reference[] =>
  places.flatMap((place): Reference[] => [
    { path: `${place}._scriptId`, to: 'scripts' },
    { path: `${place}._stackId`, to: 'stacks' },
  ]);

const expressionScripts = functionsAt(
  'filter.script',
  'inputFilter.script',
  'transform.script',
  'responseTransform.script',
);

const settingsScripts = functionsAt('preSave', 'settingsForm.init');

const processorReferences = (at: string): Reference[] => [
  { path: `${at}.*._exportId`, to: 'exports' },
  { path: `${at}.*._importId`, to: 'imports' },
  ...functionsAt(`${at}.*.hooks.postResponseMap`),
];

const integrations: ResourceType = {
  name: 'integrations',
  title: 'Integration',
  input: integrationInput,
  document: integration,
  rules: checkName(false),
  stamp: stampIntegration,
  secrets: [],
  patchable: ['apiGroupings', 'flowGroupings', 'settings'],
  heavy: [],
  keptOnReplace: ['draft'],
  references: [...settingsScripts, { path: '_parentId', to: 'integrations' }],
};

const connections: ResourceType = {
  name: 'connections',
  title: 'Connection',
  input: connectionInput,
  document: connection,
  prepare: prepareConnection,
  rules: connectionRules,
  stamp: stampNothing,
  secrets: [
    'http.encrypted',
    'http.auth.basic.password',
    'http.auth.token.token',
    'http.auth.token.refreshToken',
    'http.auth.oauth.clientSecret',
    'http.auth.oauth.password',
    'http.auth.oauth.oauth1.consumerSecret',
    'http.auth.oauth.oauth1.accessToken',
    'http.auth.oauth.oauth1.tokenSecret',
    'http.auth.oauth.oauth1.consumerPrivateKey',
    'http.auth.jwt.secret',
    'http.auth.jwt.privateKey',
    'http.auth.jwt.token',
    'http.clientCertificates.key',
    'http.clientCertificates.passphrase',
    'http.clientCertificates.pfx',
    'rdbms.password',
    'rdbms.key',
    'rdbms.passphrase',
    'wrapper.encrypted',
    'ssl.key',
    'ssl.passphrase',
    'pgp.privateKey',
    'pgp.passphrase',
  ],
  patchable: [
    'name',
    'debugDate',
    'debugUntil',
    'http.concurrencyLevel',
    'http.targetConcurrencyLevel',
    'rdbms.concurrencyLevel',
    'filesystem.concurrencyLevel',
    'wrapper.concurrencyLevel',
  ],
  heavy: [],
  keptOnReplace: ['draft', 'endUserProvidedFields'],
  references: [
    ...settingsScripts,
    { path: '_borrowConcurrencyFromConnectionId', to: 'connections' },
    { path: 'wrapper._stackId', to: 'stacks' },
  ],
};

const exports_: ResourceType = {
  name: 'exports',
  title: 'Export',
  input: exportInput,
  document: exportSchema,
  prepare: prepareExport,
  rules: exportRules,
  stamp: stampNothing,
  secrets: [],
  patchable: ['assistantMetadata', 'debugUntil'],
  heavy: [],
  keptOnReplace: ['draft'],
  references: [
    { path: '_connectionId', to: 'connections' },
    { path: '_integrationId', to: 'integrations' },
    ...functionsAt('hooks.preSavePage', 'hooks.preParse'),
    ...expressionScripts,
    ...settingsScripts,
  ],
};

const imports_: ResourceType = {
  name: 'imports',
  title: 'Import',
  input: importInput,
  document: importSchema,
  prepare: prepareImport,
  rules: importRules,
  stamp: stampImport,
  secrets: [],
  patchable: ['debugUntil'],
  heavy: [],
  keptOnReplace: ['draft'],
  references: [
    { path: '_connectionId', to: 'connections' },
    { path: '_integrationId', to: 'integrations' },
    ...functionsAt('hooks.preMap', 'hooks.postMap', 'hooks.postSubmit', 'hooks.postAggregate'),
    ...expressionScripts,
    ...settingsScripts,
  ],
};

const flows: ResourceType = {
  name: 'flows',
  title: 'Flow',
  input: flowInput,
  document: flow,
  rules: flowRules,
  stamp: stampFlow,
  secrets: [],
  patchable: [
    'name',
    'description',
    'aiDescription',
    'disabled',
    'schedule',
    'timezone',
    'runPageGeneratorsInParallel',
    'pageGenerators.*.schedule',
    'pageGenerators.*.skipRetries',
    'routers.*.name',
    'routers.*.branches.*.name',
    'routers.*.branches.*.description',
    'aliases',
    'logging.debugUntil',
    'logging.mode',
    'schedule.cron',
    'schedule.days',
    'schedule.endDate',
    'schedule.frequency',
    'schedule.startDate',
  ],
  heavy: [],
  keptOnReplace: ['draft', 'logging'],
  references: [
    { path: '_integrationId', to: 'integrations' },
    { path: 'pageGenerators.*._exportId', to: 'exports' },
    ...processorReferences('pageProcessors'),
    ...processorReferences('routers.*.branches.*.pageProcessors'),
    ...functionsAt('routers.*.script'),
    { path: '_exportId', to: 'exports' },
    { path: '_importId', to: 'imports' },
    { path: '_runNextFlowIds.*', to: 'flows' },
    { path: '_runNextExportIds.*._flowId', to: 'flows' },
    { path: '_runNextExportIds.*._exportId', to: 'exports' },
    { path: '_keepDeltaBehindFlowId', to: 'flows' },
    { path: '_keepDeltaBehindExportId', to: 'exports' },
    { path: 'pageGenerators.*._keepDeltaBehindFlowId', to: 'flows' },
    { path: 'pageGenerators.*._keepDeltaBehindExportId', to: 'exports' },
    { path: '_abstractFlowId', to: 'flows' },
    ...settingsScripts,
  ],
};

const mustBeNamed = checkName(false);

const scripts: ResourceType = {
  name: 'scripts',
  title: 'Script',
  input: scriptInput,
  document: script,
  rules: (document, issues, context) => {
    mustBeNamed(document, issues, context);
    checkDebugWindow(document, 'debugUntil', issues, context.nowMs);
  },
  stamp: stampScript,
  secrets: [],
  patchable: ['debugUntil'],
  heavy: ['content'],
  keptOnReplace: ['content'],
  references: [],
};

const stacks: ResourceType = {
  name: 'stacks',
  title: 'Stack',
  input: stackInput,
  document: stack,
  rules: stackRules,
  stamp: stampNothing,
  secrets: ['lambda.secretAccessKey'],
  patchable: [],
  heavy: [],
  keptOnReplace: ['systemToken'],
  references: [],
};

const accesstokens: ResourceType = {
  name: 'accesstokens',
  title: 'AccessToken',
  input: accessTokenInput,
  document: accessToken,
  rules: accessTokenRules,
  stamp: stampNothing,
  secrets: [],
  patchable: [],
  heavy: [],
  keptOnReplace: [],
  references: [
    { path: '_connectionIds.*', to: 'connections' },
    { path: '_exportIds.*', to: 'exports' },
    { path: '_importIds.*', to: 'imports' },
  ],
};

export const resourceTypes: Readonly<Record<ResourceTypeName, ResourceType>> = {
  integrations,
  connections,
  exports: exports_,
  imports: imports_,
  flows,
  scripts,
  stacks,
  accesstokens,
};

/** Secrets of a stack, for whoever calls it; the API never shows the second with the document. */
export const stackSecrets: readonly PathPattern[] = [...stacks.secrets, 'systemToken'];

/** Secrets of a connection document, for whoever opens them right before use. */
export const connectionSecrets = connections.secrets;
