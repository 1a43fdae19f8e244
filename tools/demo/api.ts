/** The few calls of Millrace's REST API that the demo makes. */
export class Api {
  constructor(
    readonly url: string,
    readonly token: string,
  ) {}

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  async create(type: string, document: object): Promise<string> {
    return (await this.call<{ _id: string }>('POST', `/v1/${type}`, document))._id;
  }

  /** Follows `GET /v1/jobs/:id/events` until the job is final. */
  async *jobEvents(jobId: string): AsyncGenerator<Job> {
    const response = await fetch(`${this.url}/v1/jobs/${jobId}/events`, {
      headers: { authorization: `Bearer ${this.token}`, accept: 'text/event-stream' },
    });
    if (!response.ok || !response.body) throw new Error(`The events of job ${jobId} answered ${response.status}`);
    let buffered = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body) {
      buffered += decoder.decode(chunk as Uint8Array, { stream: true });
      const events = buffered.split('\n\n');
      buffered = events.pop() ?? '';
      for (const event of events) {
        const data = event
          .split('\n')
          .filter((line) => line.startsWith('data:'))
          .map((line) => line.slice(5).trim())
          .join('\n');
        if (data !== '') yield JSON.parse(data) as Job;
      }
    }
  }
}

export interface Job {
  readonly _id: string;
  readonly type: string;
  readonly status: string;
  readonly _exportId?: string;
  readonly _importId?: string;
  readonly numSuccess: number;
  readonly numError: number;
  readonly numIgnore: number;
  readonly numPagesGenerated: number;
  readonly numPagesProcessed: number;
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly traceId?: string;
  readonly children?: readonly Job[];
}

export interface StepError {
  readonly errorId: string;
  readonly code: string;
  readonly message: string;
  readonly source: string;
  readonly classification?: string;
  readonly reqAndResKey?: string;
  readonly traceKey: string;
}
