import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import type { JsonRecord } from '#model';
import { type Caller, CurrentCaller } from '../../http/caller.js';
import type { QueryString } from '../../resources/list-query.js';
import { type ErrorPage, type FlowErrors, StepErrorService } from './step-error.service.js';

@Controller('v1/flows/:id')
export class StepErrorController {
  constructor(@Inject(StepErrorService) private readonly errors: StepErrorService) {}

  @Get('errors')
  summary(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<FlowErrors> {
    return this.errors.summary(caller, id);
  }

  @Get([':stepId/errors', 'exports/:stepId/errors', 'imports/:stepId/errors'])
  list(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Param('stepId') stepId: string,
    @Query() query: QueryString,
  ): Promise<ErrorPage> {
    return this.errors.listOpen(caller, id, stepId, query);
  }

  @Get(':stepId/:retryDataKey/data')
  retryData(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Param('stepId') stepId: string,
    @Param('retryDataKey') key: string,
  ): Promise<JsonRecord> {
    return this.errors.retryData(caller, id, stepId, key);
  }

  @Get(':stepId/requests/:reqAndResKey')
  exchange(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Param('stepId') stepId: string,
    @Param('reqAndResKey') key: string,
  ): Promise<JsonRecord> {
    return this.errors.exchange(caller, id, stepId, key);
  }
}
