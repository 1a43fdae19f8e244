import type { Failure } from '#failures';
import type { Connection } from '#model';
import { compileConfiguredPath } from '../configured-path.js';
import type { ConnectorHost, PingResult } from '../ports.js';
import { HttpClient, isFailed, type SendOptions, textOf } from './client.js';
import { BodyTemplate } from './body-template.js';
import { RequestTemplate } from './request-template.js';
import { compileBodyRules } from './rules.js';
import { bodyFailure, statusFailure } from './status-failure.js';

/** One try: a person waits for the answer. */
const OPTIONS: SendOptions = {
  retry: { tries: 1, repeatable: false, repeatTimeouts: false },
  redirects: { follow: true, max: 5 },
  timeoutSeconds: 20,
  abortable: true,
};

/**
 * Asks the application whether the connection works: the configured ping request, or a GET of the base URI, where any answer
 * that accepts the credentials will do. Reference: resources §6.3.
 */
export async function pingHttp(connection: Connection, host: ConnectorHost, signal: AbortSignal): Promise<PingResult> {
  const client = HttpClient.of(host);
  const stored = { ...connection, _id: connection._id ?? 'unsaved' };
  const compiled = await client.connection(stored);
  if ('code' in compiled) return refused(422, compiled);
  const ping = compiled.http.ping;
  const isConfigured = ping?.relativeURI !== undefined || ping?.method !== undefined;
  const request = new RequestTemplate({
    method: ping?.method ?? 'GET',
    relativeURI: ping?.relativeURI ?? '',
    headers: undefined,
    mediaType: compiled.http.mediaType,
  });
  const body = ping?.body ? new BodyTemplate(ping.body, compiled.http.mediaType) : null;
  const environment = { nowMs: () => host.clock.now() };
  const received = await client.send(
    compiled,
    (view) => {
      const roots = { connection: view.document };
      const rendered = body === null ? null : body.render(roots, environment);
      if (rendered !== null && typeof rendered !== 'string') return rendered;
      return request.build(view, () => roots, rendered, environment);
    },
    OPTIONS,
    { stepId: 'ping', signal },
  );
  if (isFailed(received)) return refused(codeOf(received.failure), received.failure);
  const errorPath = ping?.errorPath ? compileConfiguredPath(ping.errorPath, 'http.ping.errorPath') : null;
  const { status } = received.answer;
  const isUp = isConfigured ? status >= 200 && status < 300 : status < 500 && status !== 403;
  if (!isUp || received.unauthorized) return refused(status, statusFailure(received, errorPath));
  const check = compileBodyRules(ping ?? {}, 'success_first', 'http.ping');
  if (check === null) return { code: 200 };
  const parsed = parseJson(textOf(received.answer));
  const reason = check(parsed);
  return reason === null ? { code: 200 } : refused(422, bodyFailure(received, reason, parsed, errorPath));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the rules then say which path is missing
  }
}

function refused(code: number, failure: Failure): PingResult {
  return { code, errors: [{ code: failure.code, message: failure.message }] };
}

/** No answer, no status: a gateway's words for it. */
function codeOf(failure: Failure): number {
  if (failure.code === 'timeout') return 504;
  const status = Number(failure.code);
  if (status >= 400 && status <= 599) return status;
  return failure.code === 'authentication_failed' ? 401 : 502;
}
