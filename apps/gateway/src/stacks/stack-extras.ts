import { Inject, Injectable } from '@nestjs/common';
import type { JsonRecord } from '#model';
import { GATEWAY_DEPS, type GatewayDeps } from '../deps.js';
import type { Caller } from '../http/caller.js';
import type { TypeExtras } from '../resources/type-extras.js';
import { newSystemToken } from './system-token.js';

/** A stack gets the token that its server will know its caller by. Reference: resources §8. */
@Injectable()
export class StackExtras implements TypeExtras {
  readonly type = 'stacks';

  constructor(@Inject(GATEWAY_DEPS) private readonly deps: GatewayDeps) {}

  stampNew(caller: Caller, _document: JsonRecord, id: string): JsonRecord {
    return newSystemToken(this.deps.secretBox, caller.accountId, id);
  }
}
