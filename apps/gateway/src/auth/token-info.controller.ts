import { Controller, Get } from '@nestjs/common';
import { type Caller, CurrentCaller } from '../http/caller.js';

/** `scope` is absent on custom tokens. Reference: resources §1.1. */
@Controller('v1/tokenInfo')
export class TokenInfoController {
  @Get()
  tokenInfo(@CurrentCaller() caller: Caller): object {
    return { _userId: caller.userId, ...(caller.fullAccess ? { scope: '*' } : {}) };
  }
}
