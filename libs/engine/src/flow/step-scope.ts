import type { Connection, Export, Import, JsonRecord } from '#model';
import type { TemplateScope } from '../expressions/template-scope.js';
import type { FlowPlan } from '../program.js';

/**
 * Settings and root names that the expressions of a step see. Secrets in the connection are sealed, so `connection.…` gives
 * templates of the engine nothing that is worth stealing. Reference: handlebars §3.2, runtime §24.
 */
export function stepScope(plan: FlowPlan, kind: 'export' | 'import', step: Export | Import): TemplateScope {
  const connection = step._connectionId === undefined ? undefined : plan.connections[step._connectionId];
  return {
    settings: {
      ...plan.settings,
      ...(connection === undefined ? {} : { connection: settingsOf(connection) }),
      [kind]: settingsOf(step),
    },
    roots: {
      [kind]: step as unknown as JsonRecord,
      ...(connection === undefined ? {} : { connection: connection }),
    },
  };
}

function settingsOf(document: Connection | Export | Import): JsonRecord {
  return (document as { readonly settings?: JsonRecord }).settings ?? {};
}
