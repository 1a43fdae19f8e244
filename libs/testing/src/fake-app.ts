import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A request as the fake application received it. */
export interface ReceivedRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** The body parsed; undefined when it is no JSON. */
  readonly json: unknown;
}

/** How the fake application answers. Objects and arrays are sent as JSON. */
export interface FakeAnswer {
  /** default 200 */
  readonly status?: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: unknown;
  /** Waits before anything is sent. */
  readonly until?: Promise<unknown>;
  /** Takes the request and never answers. */
  readonly hang?: boolean;
  /** Closes the socket without an answer. */
  readonly reset?: boolean;
  /** Announces the whole body, sends this many bytes of it, and stops there without closing. */
  readonly stallAfter?: number;
}

export type FakeHandler = (request: ReceivedRequest) => FakeAnswer | Promise<FakeAnswer>;

/** An application on loopback that can be told to fail, throttle, hang, redirect and lie. */
export class FakeApp {
  /** Everything that arrived, in order. */
  readonly requests: ReceivedRequest[] = [];
  /** Requests that were under way at the same time, at most. */
  peakConcurrency = 0;

  #handler: FakeHandler = () => ({ status: 404, body: { error: 'nothing is set up' } });
  #underWay = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('request', (request, response) => {
      this.#serve(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
  }

  static async start(handler?: FakeHandler): Promise<FakeApp> {
    const server = createServer({ keepAliveTimeout: 60_000 });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const app = new FakeApp(server);
    if (handler !== undefined) app.answer(handler);
    return app;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Answers every request from now on. */
  answer(handler: FakeHandler | FakeAnswer): void {
    this.#handler = typeof handler === 'function' ? handler : () => handler;
  }

  /** Answers with these in turn; the last one stays. */
  answerInTurn(...answers: readonly (FakeAnswer | FakeHandler)[]): void {
    let turn = 0;
    this.#handler = (request) => {
      const answer = answers[Math.min(turn, answers.length - 1)]!;
      turn += 1;
      return typeof answer === 'function' ? answer(request) : answer;
    };
  }

  /** Forgets what arrived. */
  clear(): void {
    this.requests.length = 0;
    this.peakConcurrency = 0;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#underWay += 1;
    this.peakConcurrency = Math.max(this.peakConcurrency, this.#underWay);
    try {
      const received = await receive(request);
      this.requests.push(received);
      const answer = await this.#handler(received);
      await answer.until;
      send(response, answer);
    } finally {
      this.#underWay -= 1;
    }
  }
}

async function receive(request: IncomingMessage): Promise<ReceivedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString('utf8');
  const url = new URL(request.url ?? '/', 'http://fake');
  return {
    method: request.method ?? '',
    path: url.pathname,
    query: url.searchParams,
    headers: request.headers,
    body,
    json: parseOrUndefined(body),
  };
}

function send(response: ServerResponse, answer: FakeAnswer): void {
  if (answer.hang) return;
  if (answer.reset) {
    response.socket?.resetAndDestroy();
    return;
  }
  const { body } = answer;
  const raw =
    body === undefined
      ? Buffer.alloc(0)
      : Buffer.isBuffer(body)
        ? body
        : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const isJson = body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body);
  response.writeHead(answer.status ?? 200, {
    ...(isJson ? { 'content-type': 'application/json' } : {}),
    'content-length': raw.length,
    ...answer.headers,
  });
  if (answer.stallAfter === undefined) response.end(raw);
  else response.write(raw.subarray(0, answer.stallAfter));
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
