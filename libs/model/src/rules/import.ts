import { unsupportedImportAdaptors } from '../import.js';
import type { Issues } from '../issue.js';
import { valueAt } from '../paths.js';
import { checkConnectionType, withAdaptorType } from './adaptor.js';
import { checkMapping2 } from './mapping2.js';
import { checkDebugWindow, checkName, type CheckContext, isSet, require, type Rules, textAt } from './rule.js';

export function prepareImport(
  document: Readonly<Record<string, unknown>>,
  issues: Issues,
  context: CheckContext,
): Record<string, unknown> {
  return withAdaptorType(document, 'Import', unsupportedImportAdaptors, issues, context);
}

const mustBeNamed = checkName(true);

/** Reference: resources §5. */
export const importRules: Rules = (document, issues, context) => {
  mustBeNamed(document, issues, context);
  const adaptor = document['adaptorType'];
  if (adaptor !== undefined) {
    require(document, '_connectionId', issues);
    checkConnectionType(adaptor, issues, context);
  }
  if (adaptor === 'RDBMSImport') require(document, 'rdbms', issues);
  if (adaptor === 'WrapperImport') require(document, 'wrapper', issues);
  if (adaptor === 'FileSystemImport') {
    require(document, 'filesystem', issues);
    require(document, 'file', issues);
  }
  const writesFiles = adaptor === 'FileSystemImport' || textAt(document, 'http.type') === 'file';
  if (!writesFiles && isSet(document, 'hooks.postAggregate')) {
    issues.add('invalid_hook', 'The hook postAggregate belongs to imports that write files.', 'hooks.postAggregate');
  }
  if (!writesFiles && isSet(document, '_ediProfileId')) {
    issues.add('not_supported', '_ediProfileId belongs to imports that write files.', '_ediProfileId');
  }
  if (isSet(document, 'traceKeyTemplate') && document['oneToMany'] !== true) {
    issues.add('cannot_set_traceKeyTemplate', 'traceKeyTemplate needs oneToMany.', 'traceKeyTemplate');
  }
  if (document['ignoreExisting'] === true && document['ignoreMissing'] === true) {
    issues.add('invalid_field', 'An import ignores either existing or missing records, not both.', 'ignoreMissing');
  }
  checkComposite(document, issues);
  checkExclusive(document, issues);
  checkMapping2(document['mappings'], 'mappings', issues);
  const transform = 'responseTransform.expression.rulesTwoDotZero.mappings';
  checkMapping2(valueAt(document, transform), transform, issues);
  checkDebugWindow(document, 'debugUntil', issues, context.nowMs);
};

/** A composite import has one method per request type. Reference: resources §5.3. */
function checkComposite(document: Readonly<Record<string, unknown>>, issues: Issues): void {
  const requestTypes = valueAt(document, 'http.requestType');
  const methods = valueAt(document, 'http.method');
  if (!Array.isArray(requestTypes) || !Array.isArray(methods) || requestTypes.length < 2) return;
  if (methods.length !== requestTypes.length) {
    issues.add('invalid_field_value', 'http.method needs one entry per entry of http.requestType.', 'http.method');
  }
}

/** An import either skips records or chooses between creating and updating them. Reference: runtime §9.3. */
function checkExclusive(document: Readonly<Record<string, unknown>>, issues: Issues): void {
  if (document['ignoreExisting'] !== true && document['ignoreMissing'] !== true) return;
  const choices = ['http.existingExtract', 'http.existingLookupName', 'rdbms.updateExtract', 'rdbms.updateLookupName'];
  for (const field of choices.filter((name) => isSet(document, name))) {
    issues.add('invalid_field', `An import with ignoreExisting or ignoreMissing cannot have ${field}.`, field);
  }
}
