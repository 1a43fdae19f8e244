import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Telemetry } from './start.js';

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

export interface HealthChecks {
  /** Every dependency that the service cannot work without, by name; not while draining. */
  readonly ready: () => Promise<Readonly<Record<string, boolean>>>;
}

/**
 * `/livez` (own loop only: a dead dependency is no reason to restart), `/readyz` and `/metrics` for a service without
 * an API of its own.
 */
export async function startHealthServer(
  listen: { host: string; port: number },
  telemetry: Telemetry,
  checks: HealthChecks,
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0];
    if (path === '/metrics') telemetry.handleMetrics(request, response);
    else if (path === '/livez') answer(200, { status: 'ok' });
    else if (path === '/readyz') {
      checks.ready().then(
        (states) => answer(Object.values(states).every(Boolean) ? 200 : 503, { status: 'ready', checks: states }),
        (error: unknown) => answer(503, { status: 'failed', message: String(error) }),
      );
    } else answer(404, { errors: [{ code: 'not_found', message: 'There are /livez, /readyz and /metrics here.' }] });

    function answer(status: number, body: object): void {
      const text = JSON.stringify(status === 503 ? { ...body, status: 'not_ready' } : body);
      response.writeHead(status, { 'content-type': 'application/json' }).end(text);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, listen.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
