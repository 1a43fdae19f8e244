import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiError } from '#failures';
import type { Logger } from '#telemetry';
import { apiCodes } from '../codes.js';

/** Every refusal leaves as `{errors:[{code,message,field?}]}`. Reference: resources §1.3, decision 29. */
export function sendRefusal(reply: FastifyReply, error: ApiError): void {
  for (const [name, value] of Object.entries(error.headers)) void reply.header(name, value);
  void reply.code(error.status).send(error.body);
}

@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const refusal = this.toApiError(thrown, request);
    if (reply.sent || reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    sendRefusal(reply, refusal);
  }

  private toApiError(thrown: unknown, request: FastifyRequest): ApiError {
    if (thrown instanceof ApiError) return thrown;
    const status = statusOf(thrown);
    if (status === 404) {
      return ApiError.of(apiCodes.resource_not_found, `There is no ${request.method} ${request.url.split('?')[0]}.`);
    }
    if (status === 413) return ApiError.of(apiCodes.body_too_large, 'The body is larger than 10 MB.');
    if (status === 415) return ApiError.of(apiCodes.unsupported_media_type, 'The body must be application/json.');
    if (status === 503) return ApiError.of(apiCodes.unavailable, 'The service is shutting down.');
    if (status !== undefined && status >= 400 && status < 500) {
      return new ApiError(status, [{ code: 'invalid_request', message: (thrown as Error).message }]);
    }
    this.logger.error({ error: thrown, requestId: request.id, route: request.routeOptions?.url }, 'request failed');
    return ApiError.of(apiCodes.internal_error, 'The request failed unexpectedly.');
  }
}

/** Status that Nest or Fastify gave an exception. */
function statusOf(thrown: unknown): number | undefined {
  if (thrown instanceof HttpException) return thrown.getStatus();
  if (typeof thrown !== 'object' || thrown === null) return undefined;
  const status: unknown = (thrown as { statusCode?: unknown }).statusCode;
  return typeof status === 'number' ? status : undefined;
}
