import { Body, Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import type { PingAnswer } from '../deps.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { PingService } from './ping.service.js';

@Controller('v1/connections')
export class PingController {
  constructor(@Inject(PingService) private readonly pings: PingService) {}

  @Get(':id/ping')
  ping(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<PingAnswer> {
    return this.pings.pingStored(caller, id);
  }

  @Post(':id/ping')
  @HttpCode(200)
  pingAgain(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<PingAnswer> {
    return this.pings.pingStored(caller, id);
  }

  @Post('ping')
  @HttpCode(200)
  pingUnsaved(@CurrentCaller() caller: Caller, @Body() body: unknown): Promise<PingAnswer> {
    return this.pings.pingVirtual(caller, body);
  }
}
