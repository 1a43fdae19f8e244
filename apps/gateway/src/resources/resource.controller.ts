import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  Patch,
  Post,
  Put,
  Query,
  Req,
  Res,
  type Type,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { JsonRecord, ResourceType } from '#model';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { type Asker, CurrentAsker } from '../try-out/asker.js';
import { addressOf, linkHeader, type ListPage } from './link-header.js';
import { parseListQuery, type QueryString } from './list-query.js';
import { ResourceService } from './resource.service.js';

/** The six calls every resource type has. Reference: resources §1.5, §1.6. */
export function resourceController(type: ResourceType): Type<unknown> {
  @Controller(`v1/${type.name}`)
  class ResourceController {
    constructor(@Inject(ResourceService) private readonly resources: ResourceService) {}

    @Get()
    async list(
      @CurrentCaller() caller: Caller,
      @Query() query: QueryString,
      @Req() request: FastifyRequest,
      @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<readonly JsonRecord[] | undefined> {
      const asked = parseListQuery(type.name, query);
      const { rows, more } = await this.resources.list(caller, type, asked);
      return answerList(type, request, reply, rows, { ...asked.query, more });
    }

    @Post()
    @HttpCode(201)
    create(@CurrentAsker() asker: Asker, @Body() body: unknown): Promise<JsonRecord> {
      return this.resources.create(asker, type, body);
    }

    @Get(':id')
    async get(
      @CurrentCaller() caller: Caller,
      @Param('id') id: string,
      @Req() request: FastifyRequest,
      @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<JsonRecord> {
      const document = await this.resources.get(caller, type, id);
      setLink(type, request, reply, null);
      return document;
    }

    @Put(':id')
    replace(@CurrentAsker() asker: Asker, @Param('id') id: string, @Body() body: unknown): Promise<JsonRecord> {
      return this.resources.replace(asker, type, id, body);
    }

    @Patch(':id')
    @HttpCode(204)
    patch(@CurrentCaller() caller: Caller, @Param('id') id: string, @Body() body: unknown): Promise<void> {
      return this.resources.patch(caller, type, id, body);
    }

    @Delete(':id')
    @HttpCode(204)
    remove(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<void> {
      return this.resources.remove(caller, type, id);
    }
  }
  Object.defineProperty(ResourceController, 'name', { value: `${type.title}Controller` });
  return ResourceController;
}

/** A bare array; an empty one is 204 without body (decision 32). */
export function answerList<T>(
  type: ResourceType,
  request: FastifyRequest,
  reply: FastifyReply,
  rows: readonly T[],
  page: ListPage,
): readonly T[] | undefined {
  if (rows.length === 0) {
    void reply.code(204);
    return undefined;
  }
  setLink(type, request, reply, page);
  return rows;
}

function setLink(type: ResourceType, request: FastifyRequest, reply: FastifyReply, page: ListPage | null): void {
  const link = linkHeader(type.name, addressOf(request), page);
  if (link !== undefined) void reply.header('link', link);
}
