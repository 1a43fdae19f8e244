import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import Extension from 'integrator-extension';

/** A function as authors of stacks write it. */
export type StackFunction = (
  options: Record<string, unknown>,
  callback: (error: Error | null, result?: unknown) => void,
) => void;

export interface StackModule {
  readonly hooks?: Readonly<Record<string, StackFunction>>;
  readonly wrappers?: Readonly<Record<string, StackFunction>>;
}

/**
 * A stack server: the published package `integrator-extension`, unmodified, behind HTTP as its wire contract says.
 * The package keeps one module per process. Reference: runtime §16.3.
 */
export class StackServer {
  /** What callers must show. */
  systemToken = 'stack-token';
  /** Bodies of the calls, in order. */
  readonly calls: { readonly function: string; readonly type: string; readonly options: Record<string, unknown> }[] =
    [];
  readonly #extension = new Extension();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(module: StackModule): Promise<StackServer> {
    const server = new StackServer();
    await new Promise<void>((resolve, reject) => {
      server.#extension.loadConfiguration({ diy: module }, (error) => (error ? reject(error) : resolve()));
    });
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (request.method !== 'POST' || request.url !== '/function') return answer(response, 404, {});
    if (request.headers.authorization !== `Bearer ${this.systemToken}`) {
      return answer(response, 401, { errors: [{ code: 'unauthorized', message: 'Invalid system token' }] });
    }
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as StackServer['calls'][number];
    this.calls.push(body);
    const { options, ...extension } = body;
    this.#extension.callFunction(options, extension, (error, result) => {
      if (error instanceof Error) answer(response, 500, { errors: [{ code: error.name, message: error.message }] });
      else if (error) answer(response, error.statusCode, { errors: error.errors });
      else answer(response, 200, result);
    });
  }
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
