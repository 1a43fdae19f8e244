import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Put, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { isId, type JsonRecord, resourceTypes } from '#model';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { parseBody } from '../http/parse-body.js';
import { invalid, notFound } from '../http/refusals.js';
import { DocumentReader } from '#store/document-reader';
import { ResourceService } from '../resources/resource.service.js';
import { registered, RegistrationService } from './registration.service.js';

/** Ids of connections. */
export const registrationRequest = z.array(z.string()).max(1000);

@Controller('v1/integrations/:id/connections')
export class RegistrationController {
  constructor(
    @Inject(ResourceService) private readonly resources: ResourceService,
    @Inject(RegistrationService) private readonly registrations: RegistrationService,
    @Inject(DocumentReader) private readonly reader: DocumentReader,
  ) {}

  @Get()
  async list(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<readonly JsonRecord[] | undefined> {
    const integration = await this.resources.stored(caller.accountId, 'integrations', id);
    const rows = await this.reader.getMany(caller.accountId, 'connections', registered(integration));
    if (rows.size > 0) return [...rows.values()].map((row) => this.resources.present(resourceTypes.connections, row));
    void reply.code(204);
    return undefined;
  }

  @Put('register')
  @HttpCode(204)
  async register(@CurrentCaller() caller: Caller, @Param('id') id: string, @Body() body: unknown): Promise<void> {
    await this.resources.stored(caller.accountId, 'integrations', id);
    const ids = parseBody(registrationRequest, body);
    const known = await this.reader.getMany(caller.accountId, 'connections', ids.filter(isId));
    const unknown = ids.flatMap((connectionId, i) => (known.has(connectionId) ? [] : [i]));
    if (unknown.length > 0) {
      throw invalid(
        unknown.map((i) => ({ code: 'invalid_ref', message: 'There is no such connection.', field: `[${i}]` })),
      );
    }
    await this.registrations.register(caller.accountId, id, ids);
  }

  @Delete(':connectionId/register')
  @HttpCode(204)
  async unregister(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Param('connectionId') connectionId: string,
  ): Promise<void> {
    await this.resources.stored(caller.accountId, 'integrations', id);
    await this.resources.stored(caller.accountId, 'connections', connectionId);
    if (!(await this.registrations.unregister(caller.accountId, id, connectionId))) throw notFound('integration');
  }
}
