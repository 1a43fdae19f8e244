import { count, type Logger } from '#telemetry';
import type { Notice } from '../workers/protocol.js';

type ScriptIncidentNotice = Extract<Notice, { kind: 'script-incident' }>;

/** Tells the operator whose script brings processes down: a metric, and a line that says nothing of the script's data. */
export function reportIncident(
  { accountId, runId, flowId, incident: { scriptId, reason } }: ScriptIncidentNotice,
  logger: Pick<Logger, 'warn'>,
): void {
  count('millrace.script.incidents', 1, { reason });
  logger.warn(
    { accountId, scriptId, runId, flowId, reason },
    'A script brought its isolate or process down, or is quarantined',
  );
}
