import { Controller, Get, Header, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { notFound } from '../http/refusals.js';
import { docsAsset, docsPage, docsPolicy, docsStart } from './docs-assets.js';
import { buildOpenApi } from './document.js';
import { operations } from './operations.js';

/** The API's description and a page that shows it; both are public, they hold nothing of any account. */
@Controller()
export class OpenApiController {
  /** Built on first request: services that never serve it do not pay for it. */
  #document: string | null = null;

  @Get('openapi.json')
  @Header('content-type', 'application/json; charset=utf-8')
  openApi(): string {
    return (this.#document ??= JSON.stringify(buildOpenApi(operations)));
  }

  @Get('docs')
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('content-security-policy', docsPolicy)
  docs(): string {
    return docsPage;
  }

  @Get('docs/start.js')
  @Header('content-type', 'text/javascript; charset=utf-8')
  start(): string {
    return docsStart;
  }

  @Get('docs/:file')
  async asset(@Param('file') file: string, @Res() reply: FastifyReply): Promise<void> {
    const asset = await docsAsset(file);
    if (!asset) throw notFound('file');
    await reply.header('content-type', asset.type).header('cache-control', 'public, max-age=3600').send(asset.content);
  }
}
