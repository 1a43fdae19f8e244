import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** Server-sent events over one response. https://html.spec.whatwg.org/multipage/server-sent-events.html */
export class EventStream {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse, headers: OutgoingHttpHeaders) {
    this.#response = response;
    response.writeHead(200, {
      ...headers,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    // A reset by the client is its way of leaving; `close` follows.
    response.on('error', () => undefined);
  }

  /**
   * The first event takes the response's head along.
   *
   * @param data one line
   */
  send(event: string, data: string): void {
    if (!this.#response.writableEnded) this.#response.write(textOf(event, data));
  }

  /** Sends the last event, and the end of the response with it. */
  sendLast(event: string, data: string): void {
    if (!this.#response.writableEnded) this.#response.end(textOf(event, data));
  }

  comment(text: string): void {
    if (!this.#response.writableEnded) this.#response.write(`: ${text}\n\n`);
  }

  /** Whether the client reads slower than we write. */
  get isCongested(): boolean {
    return this.#response.writableNeedDrain;
  }

  end(): void {
    this.#response.end();
  }

  /** Called once, whoever ended the stream. */
  onClose(listener: () => void): void {
    this.#response.once('close', listener);
  }
}

const textOf = (event: string, data: string): string => `event: ${event}\ndata: ${data}\n\n`;
