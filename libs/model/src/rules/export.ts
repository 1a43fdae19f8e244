import { unsupportedExportAdaptors, unsupportedExportModes } from '../export.js';
import type { Issues } from '../issue.js';
import { valueAt } from '../paths.js';
import { checkConnectionType, withAdaptorType } from './adaptor.js';
import { checkMapping2 } from './mapping2.js';
import { checkDebugWindow, checkName, type CheckContext, isSet, require, type Rules, textAt } from './rule.js';

const megabyte = 1_048_576;

/** Settles the adaptor type; refuses modes out of scope by name. */
export function prepareExport(
  document: Readonly<Record<string, unknown>>,
  issues: Issues,
  context: CheckContext,
): Record<string, unknown> {
  const mode = document['type'];
  if (typeof mode === 'string' && (unsupportedExportModes as readonly string[]).includes(mode)) {
    issues.add('unsupported_export_type', `Exports of type ${mode} are not supported.`, 'type');
    const { type: _, ...rest } = document;
    return rest['adaptorType'] === undefined && mode !== 'stream' ? rest : withType(rest, issues, context);
  }
  return withType(document, issues, context);
}

function withType(
  document: Readonly<Record<string, unknown>>,
  issues: Issues,
  context: CheckContext,
): Record<string, unknown> {
  return withAdaptorType(document, 'Export', unsupportedExportAdaptors, issues, context);
}

const mustBeNamed = checkName(false);

/** Reference: resources §4. */
export const exportRules: Rules = (document, issues, context) => {
  mustBeNamed(document, issues, context);
  const adaptor = document['adaptorType'];
  if (adaptor !== undefined) {
    require(document, '_connectionId', issues);
    checkConnectionType(adaptor, issues, context);
  }
  checkMode(document, issues);
  if (adaptor === 'HTTPExport') checkHttp(document, issues);
  if (adaptor === 'RDBMSExport') require(document, 'rdbms', issues);
  if (adaptor === 'FileSystemExport') require(document, 'filesystem', issues);
  if (adaptor === 'WrapperExport') require(document, 'wrapper', issues);

  const readsFiles = adaptor === 'FileSystemExport' || textAt(document, 'http.type') === 'file';
  if (!readsFiles && isSet(document, '_ediProfileId')) {
    issues.add('not_supported', '_ediProfileId belongs to exports that read files.', '_ediProfileId');
  }
  if (!readsFiles && isSet(document, 'hooks.preParse')) {
    issues.add('invalid_hook', 'The hook preParse belongs to exports that read files.', 'hooks.preParse');
  }
  const mappings = document['mappings'];
  if (Array.isArray(mappings) && mappings.length > 0 && !(document['isLookup'] === true && adaptor === 'HTTPExport')) {
    issues.add('not_supported', 'Mappings of an export need isLookup and the adaptor type HTTPExport.', 'mappings');
  }
  checkMapping2(mappings, 'mappings', issues);
  const transform = 'transform.expression.rulesTwoDotZero.mappings';
  checkMapping2(valueAt(document, transform), transform, issues);
  if (document['mockOutput'] !== undefined && JSON.stringify(document['mockOutput']).length > megabyte) {
    issues.add('invalid_field_value', 'mockOutput is invalid', 'mockOutput');
  }
  checkDebugWindow(document, 'debugUntil', issues, context.nowMs);
};

/** Where an export of type `once` says how its flag is written back. Reference: resources §4.2, §4.4, §4.5. */
const flagWriters: Readonly<Record<string, { readonly block: string; readonly needs: string }>> = {
  HTTPExport: { block: 'http.once', needs: 'http.once.relativeURI' },
  RDBMSExport: { block: 'rdbms.once', needs: 'rdbms.once.query' },
};

/** Each mode needs its object. */
function checkMode(document: Readonly<Record<string, unknown>>, issues: Issues): void {
  const adaptor = document['adaptorType'];
  const mode = document['type'];
  if (mode === 'delta') require(document, 'delta', issues);
  if (mode === 'test') require(document, 'test', issues);
  if (mode === 'once') {
    const place = flagWriters[typeof adaptor === 'string' ? adaptor : ''];
    if (place === undefined) require(document, 'once', issues);
    else require(document, isSet(document, place.block) ? place.needs : place.block, issues);
  }
  if (adaptor === 'HTTPExport' && isSet(document, 'delta.dateField')) {
    issues.add(
      'invalid_field',
      'HTTP exports have no delta.dateField; use {{{lastExportDateTime}}} in the URI or body.',
      'delta.dateField',
    );
  }
}

/** What each paging method needs besides its name. Reference: resources §4.4. */
const pagingCompanions: Readonly<Record<string, string>> = {
  token: 'path',
  url: 'path',
  relativeuri: 'relativeURI',
  body: 'body',
};

function checkHttp(document: Readonly<Record<string, unknown>>, issues: Issues): void {
  const companion = pagingCompanions[textAt(document, 'http.paging.method') ?? ''];
  if (companion !== undefined) require(document, `http.paging.${companion}`, issues);
  if (isSet(document, 'http._asyncHelperId')) {
    for (const field of ['transform', 'filter', 'hooks.preSavePage']) {
      if (isSet(document, field)) {
        issues.add('not_supported', `An export with an async helper cannot have ${field}.`, field);
      }
    }
  }
}
