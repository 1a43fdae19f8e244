/** Answer of the API: status, headers and the parsed body. */
export interface ApiAnswer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export interface JobDocument {
  readonly _id: string;
  readonly type: string;
  readonly status: string;
  readonly _exportId?: string;
  readonly _importId?: string;
  readonly numSuccess: number;
  readonly numError: number;
  readonly numIgnore: number;
  readonly numOpenError: number;
  readonly numPagesGenerated: number;
  readonly numPagesProcessed: number;
  readonly doneExporting: boolean;
  readonly traceId?: string;
  readonly failure?: { readonly code: string; readonly message: string };
  readonly children: readonly JobDocument[];
  readonly routers?: readonly RouterDocument[];
}

export interface RouterDocument {
  readonly id: string;
  readonly name?: string;
  readonly numSuccess: number;
  readonly numError: number;
  readonly numIgnore: number;
  readonly branches: readonly { readonly branchId: string; readonly name: string; readonly numRecords: number }[];
}

export interface StepErrorDocument {
  readonly errorId: string;
  readonly code: string;
  readonly message: string;
  readonly source: string;
  readonly classification?: string;
  readonly traceKey: string;
  readonly retryDataKey?: string;
  readonly traceId?: string;
}

const finalStatuses = new Set(['completed', 'failed', 'canceled']);

/** The REST API as a client sees it. */
export class ApiClient {
  constructor(
    readonly url: string,
    readonly token: string,
  ) {}

  async send<T = unknown>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<ApiAnswer<T>> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') ?? false;
    return {
      status: response.status,
      headers: response.headers,
      body: (isJson && text !== '' ? JSON.parse(text) : text) as T,
    };
  }

  /** @throws Error unless the answer is a success */
  async call<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.send<T>(method, path, body);
    if (answer.status >= 300)
      throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  async create(type: string, document: object): Promise<string> {
    return (await this.call<{ _id: string }>('POST', `/v1/${type}`, document))._id;
  }

  async run(flowId: string, body: object = {}): Promise<string> {
    return (await this.call<{ _jobId: string }>('POST', `/v1/flows/${flowId}/run`, body))._jobId;
  }

  job(jobId: string): Promise<JobDocument> {
    return this.call('GET', `/v1/jobs/${jobId}`);
  }

  /** Waits until the job is final; the API may be away meanwhile. */
  async finished(jobId: string, withinMs = 60_000): Promise<JobDocument> {
    let last: JobDocument | null = null;
    const deadline = Date.now() + withinMs;
    while (Date.now() < deadline) {
      last = await this.job(jobId).catch(() => last);
      if (last && finalStatuses.has(last.status)) return last;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`Job ${jobId} is not final after ${withinMs} ms: ${JSON.stringify(last)}`);
  }

  async errors(flowId: string, stepId: string): Promise<readonly StepErrorDocument[]> {
    const found: StepErrorDocument[] = [];
    let path: string | undefined = `/v1/flows/${flowId}/${stepId}/errors`;
    while (path !== undefined) {
      const page: { errors: StepErrorDocument[]; nextPageURL?: string } = await this.call('GET', path);
      found.push(...page.errors);
      path = page.nextPageURL;
    }
    return found;
  }
}

/** The child of a flow job that a step did. */
export function childOf(job: JobDocument, stepId: string): JobDocument {
  const child = job.children.find((c) => c._exportId === stepId || c._importId === stepId);
  if (!child) throw new Error(`The job has no child for step ${stepId}.`);
  return child;
}
