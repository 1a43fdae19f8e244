import { unsupportedConnectionTypes } from '../connection.js';
import type { Issues } from '../issue.js';
import { checkDebugWindow, checkName, isSet, require, type Rules, textAt } from './rule.js';

/** Refuses types out of scope by name. */
export function prepareConnection(
  document: Readonly<Record<string, unknown>>,
  issues: Issues,
): Record<string, unknown> {
  const { type, ...rest } = document;
  if (typeof type === 'string' && (unsupportedConnectionTypes as readonly string[]).includes(type)) {
    issues.add('unsupported_type', `Connections of type ${type} are not supported.`, 'type');
    return rest;
  }
  const database = textAt(document, 'rdbms.type');
  if (type === 'rdbms' && database !== undefined && database !== 'postgresql') {
    issues.add('unsupported_type', `Databases of type ${database} are not supported; postgresql is.`, 'rdbms.type');
  }
  return { ...document };
}

const mustBeNamed = checkName(false);

/** Reference: resources §6. */
export const connectionRules: Rules = (document, issues, context) => {
  mustBeNamed(document, issues, context);
  const type = textAt(document, 'type');
  if (type === 'http') {
    if (!isSet(document, 'http')) require(document, 'http', issues);
    else if (textAt(document, 'http.baseURI') !== undefined)
      checkBaseURI(textAt(document, 'http.baseURI') ?? '', issues);
    checkCertificates(document, issues);
  }
  if (type === 'rdbms') {
    require(document, 'rdbms', issues);
    if (isSet(document, 'rdbms')) {
      for (const field of ['rdbms.host', 'rdbms.database', 'rdbms.user']) require(document, field, issues);
    }
  }
  if (type === 'wrapper') require(document, 'wrapper', issues);
  if (isSet(document, '_agentId') && isSet(document, '_agentGroupId')) {
    issues.add('invalid_field', 'A connection has either _agentId or _agentGroupId.', '_agentGroupId');
  }
  checkDebugWindow(document, 'debugDate', issues, context.nowMs);
  checkDebugWindow(document, 'debugUntil', issues, context.nowMs);
};

function checkBaseURI(baseURI: string, issues: Issues): void {
  if (baseURI === '' || baseURI.startsWith('{{')) return;
  if (!/^https?:\/\/[^/]/i.test(baseURI)) {
    issues.add('invalid_field_value', 'http.baseURI must be an absolute http or https address.', 'http.baseURI');
  }
}

function checkCertificates(document: Readonly<Record<string, unknown>>, issues: Issues): void {
  const pair = isSet(document, 'http.clientCertificates.cert') || isSet(document, 'http.clientCertificates.key');
  if (pair && isSet(document, 'http.clientCertificates.pfx')) {
    issues.add('invalid_field', 'A client certificate is either pfx or cert and key.', 'http.clientCertificates.pfx');
  }
}
