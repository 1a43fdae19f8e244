import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type JsonRecord, type ResourceTypeName, resourceTypes } from '#model';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { parseListQuery, type QueryString } from '../resources/list-query.js';
import { answerList } from '../resources/resource.controller.js';
import { ResourceService } from '../resources/resource.service.js';

/** What belongs to one integration. Reference: resources §1.8. */
@Controller('v1/integrations/:id')
export class IntegrationChildrenController {
  constructor(@Inject(ResourceService) private readonly resources: ResourceService) {}

  @Get('flows')
  flows(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Query() query: QueryString,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<readonly JsonRecord[] | undefined> {
    return this.children('flows', caller, id, query, request, reply);
  }

  @Get('exports')
  exports(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Query() query: QueryString,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<readonly JsonRecord[] | undefined> {
    return this.children('exports', caller, id, query, request, reply);
  }

  @Get('imports')
  imports(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Query() query: QueryString,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<readonly JsonRecord[] | undefined> {
    return this.children('imports', caller, id, query, request, reply);
  }

  private async children(
    type: ResourceTypeName,
    caller: Caller,
    id: string,
    query: QueryString,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<readonly JsonRecord[] | undefined> {
    await this.resources.stored(caller.accountId, 'integrations', id);
    const asked = parseListQuery(type, query);
    const where = { ...asked.query.where, _integrationId: id };
    const { rows, more } = await this.resources.list(caller, resourceTypes[type], {
      ...asked,
      query: { ...asked.query, where },
    });
    return answerList(resourceTypes[type], request, reply, rows, { ...asked.query, more });
  }
}
