import { Inject, Injectable } from '@nestjs/common';
import { ApiError } from '#failures';
import type { StoredDocument } from '#store';
import { apiCodes } from '../codes.js';
import { GATEWAY_DEPS, type GatewayDeps } from '../deps.js';
import type { Caller } from '../http/caller.js';
import type { TypeExtras } from '../resources/type-extras.js';

/** An integration that still owns flows stays. Reference: resources §2. */
@Injectable()
export class IntegrationExtras implements TypeExtras {
  readonly type = 'integrations';

  constructor(@Inject(GATEWAY_DEPS) private readonly deps: GatewayDeps) {}

  async removing(caller: Caller, stored: StoredDocument): Promise<void> {
    const where = { _integrationId: stored._id };
    const { rows } = await this.deps.store.documents.list(caller.accountId, 'flows', { where, skip: 0, limit: 1 });
    if (rows.length > 0) {
      throw ApiError.of(apiCodes.not_allowed, 'The integration still owns flows; move or delete them first.');
    }
  }
}
