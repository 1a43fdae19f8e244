import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Put, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { StateService } from './state.service.js';

/** Reference: resources §19. */
@Controller('v1/state')
export class StateController {
  constructor(@Inject(StateService) private readonly state: StateService) {}

  @Get()
  async list(@CurrentCaller() caller: Caller): Promise<{ readonly keys: readonly string[] }> {
    return { keys: await this.state.keys(caller) };
  }

  @Delete()
  @HttpCode(204)
  clear(@CurrentCaller() caller: Caller): Promise<void> {
    return this.state.clear(caller);
  }

  @Get(':key')
  async get(
    @CurrentCaller() caller: Caller,
    @Param('key') key: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    return asJson(reply, await this.state.get(caller, key));
  }

  /** 201 for a new key, 200 for one that was there. */
  @Put(':key')
  async put(
    @CurrentCaller() caller: Caller,
    @Param('key') key: string,
    @Body() value: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    const outcome = await this.state.put(caller, key, value);
    void reply.code(outcome === 'created' ? 201 : 200);
    return asJson(reply, value);
  }

  @Delete(':key')
  @HttpCode(204)
  delete(@CurrentCaller() caller: Caller, @Param('key') key: string): Promise<void> {
    return this.state.delete(caller, key);
  }
}

/** Any JSON is a value, texts and null too, which the framework would send as something else. */
function asJson(reply: FastifyReply, value: unknown): string {
  void reply.type('application/json; charset=utf-8');
  return JSON.stringify(value);
}
