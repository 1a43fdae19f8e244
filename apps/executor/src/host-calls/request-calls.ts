import type { z } from 'zod';
import { ApiError } from '#failures';
import { type JsonRecord, resourceTypes, toIssues } from '#model';
import {
  exportAnswer,
  exportInvokeRequest,
  importInvokeRequest,
  parseJsonBody,
  virtualExportBody,
  virtualImportBody,
  virtualPageBody,
} from '#try-outs';
import type { HostCallScope } from '../workers/protocol.js';
import type { ApiRequest } from './api-request.js';
import type { StepCalls } from './step-calls.js';

type Serve = (scope: HostCallScope, id: string, body: unknown, signal: AbortSignal) => Promise<unknown>;

/** Registered by the gateway, which refuses the same. */
const codes = {
  notFound: 'resource_not_found',
  restricted: 'access_restricted',
  mediaType: 'unsupported_media_type',
} as const;

/** First segments of the API's paths. */
const collections: ReadonlySet<string> = new Set([
  ...Object.keys(resourceTypes),
  'jobs',
  'processors',
  'state',
  'tokenInfo',
]);

const json = /^application\/(?:[\w.-]+\+)?json(?:\s*;|$)/;

/**
 * Requests of functions to the platform's API, answered as the API would and without leaving the process. A function may
 * ask for what `integrator-api` gives it anyway; everything else its rights do not cover. Reference: resources §1.1, runtime §16.2.
 */
export class RequestCalls {
  /** Requests with POST, by what the path has instead of the id. */
  readonly #routes: ReadonlyMap<string, Serve>;

  constructor(private readonly steps: StepCalls) {
    this.#routes = new Map<string, Serve>([
      ['exports/:id/invoke', (...asked) => this.#invokeExport(...asked)],
      ['imports/:id/invoke', (...asked) => this.#invokeImport(...asked)],
      ['connections/:id/export', (...asked) => this.#virtualExport(...asked)],
      ['connections/:id/export/pages', (...asked) => this.#virtualPage(...asked)],
      ['connections/:id/import', (...asked) => this.#virtualImport(...asked)],
    ]);
  }

  /** @returns `{statusCode, headers, body}`, whatever the API refuses */
  async answer(scope: HostCallScope, request: ApiRequest, signal: AbortSignal): Promise<JsonRecord> {
    try {
      const { serve, id } = this.#routeOf(request);
      return answered(200, await serve(scope, id, bodyOf(request), signal));
    } catch (error) {
      if (error instanceof ApiError) return answered(error.status, error.body, error.headers);
      throw error;
    }
  }

  /** By the text of the path alone: nothing in it is decoded or resolved, so it has one spelling. */
  #routeOf({ method, path }: ApiRequest): { readonly serve: Serve; readonly id: string } {
    const [, version, collection = '', id = '', ...rest] = path.replace(/\/$/, '').split('/');
    const isPlain = /^[\w/-]+$/.test(path) && !path.includes('//');
    if (!isPlain || version !== 'v1' || !collections.has(collection)) {
      throw refusal(404, codes.notFound, `There is no ${method} ${path}.`);
    }
    const serve = method === 'POST' ? this.#routes.get([collection, ':id', ...rest].join('/')) : undefined;
    if (serve !== undefined) return { serve, id };
    throw refusal(
      403,
      codes.restricted,
      'Functions of flows may invoke exports and imports, and run them through connections; nothing else.',
    );
  }

  async #invokeExport(...[scope, id, body, signal]: Parameters<Serve>): Promise<unknown> {
    const { data, pagedExportState } = checked(exportInvokeRequest, body ?? {});
    if (data !== undefined) return this.steps.lookUp(scope, { id }, data, signal);
    return this.steps.page(scope, { id }, pagedExportState, signal);
  }

  #invokeImport(...[scope, id, body, signal]: Parameters<Serve>): Promise<unknown> {
    const given = checked(importInvokeRequest, body);
    return this.steps.write(scope, { id }, Array.isArray(given) ? given : given.data, signal);
  }

  async #virtualExport(...[scope, connectionId, body, signal]: Parameters<Serve>): Promise<unknown> {
    const { export: definition, data } = checked(virtualExportBody, body);
    const named = { definition: definition as JsonRecord, connectionId };
    if (data !== undefined) return this.steps.lookUp(scope, named, data, signal);
    return exportAnswer(await this.steps.read(scope, named, signal));
  }

  #virtualPage(...[scope, connectionId, body, signal]: Parameters<Serve>): Promise<unknown> {
    const { export: definition, pagedExportState } = checked(virtualPageBody, body);
    return this.steps.page(scope, { definition: definition as JsonRecord, connectionId }, pagedExportState, signal);
  }

  #virtualImport(...[scope, connectionId, body, signal]: Parameters<Serve>): Promise<unknown> {
    const { import: definition, data } = checked(virtualImportBody, body);
    return this.steps.write(scope, { definition: definition as JsonRecord, connectionId }, data, signal);
  }
}

/** @throws ApiError 415, or 400 `invalid_json` */
function bodyOf({ contentType, body }: ApiRequest): unknown {
  if (body === undefined) return undefined;
  if (contentType !== undefined && !json.test(contentType)) {
    throw refusal(415, codes.mediaType, 'The body must be application/json.');
  }
  return parseJsonBody(typeof body === 'string' ? body : JSON.stringify(body));
}

/** @throws ApiError 422, all problems together */
function checked<S extends z.ZodType>(schema: S, body: unknown): z.infer<S> {
  const parsed = schema.safeParse(body, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw new ApiError(422, toIssues(parsed.error));
}

function refusal(status: number, code: string, message: string): ApiError {
  return new ApiError(status, [{ code, message }]);
}

function answered(statusCode: number, body: unknown, headers: Readonly<Record<string, string>> = {}): JsonRecord {
  return {
    statusCode,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body,
  } as JsonRecord;
}
