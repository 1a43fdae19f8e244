import { Controller, Delete, Get, HttpCode, Inject, Param, Query } from '@nestjs/common';
import { type Caller, CurrentCaller } from '../http/caller.js';
import type { QueryString } from '../resources/list-query.js';
import { type ScriptLogPage, ScriptLogService } from './script-log.service.js';

@Controller('v1/scripts/:id/logs')
export class ScriptLogController {
  constructor(@Inject(ScriptLogService) private readonly logs: ScriptLogService) {}

  @Get()
  list(@CurrentCaller() caller: Caller, @Param('id') id: string, @Query() query: QueryString): Promise<ScriptLogPage> {
    return this.logs.list(caller, id, query);
  }

  @Delete()
  @HttpCode(204)
  clear(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<void> {
    return this.logs.clear(caller, id);
  }
}
