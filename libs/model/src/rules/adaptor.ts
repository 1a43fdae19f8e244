import type { Issues } from '../issue.js';
import type { CheckContext } from './rule.js';

interface AdaptorKind {
  /** Sub-document that belongs to the adaptor. */
  readonly part: string;
  readonly connectionType: string;
}

/** The adaptors in scope, by their API names without `Export` and `Import`. */
const kinds: Readonly<Record<string, AdaptorKind>> = {
  HTTP: { part: 'http', connectionType: 'http' },
  RDBMS: { part: 'rdbms', connectionType: 'rdbms' },
  FileSystem: { part: 'filesystem', connectionType: 'filesystem' },
  Wrapper: { part: 'wrapper', connectionType: 'wrapper' },
};

/** Sub-documents of adaptors that are out of scope: their presence names the adaptor that is refused. */
const foreignParts: Readonly<Record<string, string>> = {
  ftp: 'FTP',
  s3: 'S3',
  as2: 'AS2',
  jdbc: 'JDBC',
  mongodb: 'Mongodb',
  dynamodb: 'Dynamodb',
  netsuite: 'NetSuite',
  netsuite_da: 'NetSuiteDistributed',
  salesforce: 'Salesforce',
  rest: 'REST',
  webhook: 'Webhook',
  simple: 'Simple',
  topic: 'Topic',
  cdc: 'Stream',
  tool: 'Tool',
  aiAgent: 'AiAgent',
  guardrail: 'Guardrail',
};

/**
 * Settles `adaptorType`: refuses types out of scope by name, infers an omitted one from the sub-document, else from the
 * connection. Reference: resources §4.2.
 *
 * @returns the document with its adaptor type, or without one when that is refused or unknown
 */
export function withAdaptorType(
  document: Readonly<Record<string, unknown>>,
  suffix: 'Export' | 'Import',
  unsupported: readonly string[],
  issues: Issues,
  context: CheckContext,
): Record<string, unknown> {
  const { adaptorType, ...rest } = document;
  if (typeof adaptorType === 'string' && unsupported.includes(adaptorType)) {
    issues.add('unsupported_type', `The adaptor type ${adaptorType} is not supported.`, 'adaptorType');
    return rest;
  }
  if (adaptorType !== undefined) return { ...document };

  const own = Object.entries(kinds).find(([, { part }]) => document[part] !== undefined);
  if (own) return { ...rest, adaptorType: own[0] + suffix };
  const foreign = Object.entries(foreignParts).find(([part]) => document[part] !== undefined);
  if (foreign) {
    issues.add('unsupported_type', `The adaptor type ${foreign[1]}${suffix} is not supported.`, foreign[0]);
    return rest;
  }
  const connected = Object.entries(kinds).find(([, kind]) => kind.connectionType === context.connectionType);
  if (connected) return { ...rest, adaptorType: connected[0] + suffix };
  issues.add('missing_required_field', 'Expected field: adaptorType to be present.', 'adaptorType');
  return rest;
}

/** The connection an export or import names must be of its adaptor's type. */
export function checkConnectionType(adaptorType: unknown, issues: Issues, { connectionType }: CheckContext): void {
  if (typeof adaptorType !== 'string' || connectionType === undefined) return;
  const kind = kinds[adaptorType.replace(/(Export|Import)$/, '')];
  if (kind && kind.connectionType !== connectionType) {
    issues.add(
      'invalid_connection_type',
      `A step of type ${adaptorType} needs a connection of type ${kind.connectionType}, not ${connectionType}.`,
      '_connectionId',
    );
  }
}
