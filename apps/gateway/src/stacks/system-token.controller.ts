import { Controller, Delete, Get, HttpCode, Inject, Param } from '@nestjs/common';
import { GATEWAY_DEPS, type GatewayDeps } from '../deps.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { notFound } from '../http/refusals.js';
import { ResourceChanges } from '../resources/resource-changes.js';
import { ResourceService } from '../resources/resource.service.js';
import { storedStacks } from './stored-stacks.js';
import { newSystemToken } from './system-token.js';

/** The token that a stack's server knows its caller by. Reference: resources §8. */
@Controller('v1/stacks/:id/systemToken')
export class SystemTokenController {
  constructor(
    @Inject(GATEWAY_DEPS) private readonly deps: GatewayDeps,
    @Inject(ResourceService) private readonly resources: ResourceService,
    @Inject(ResourceChanges) private readonly changes: ResourceChanges,
  ) {}

  @Get()
  async read(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<{ systemToken: string }> {
    const { secretBox, store } = this.deps;
    const stack = await storedStacks(store.documents, secretBox, caller.accountId).find(id);
    if (stack?.systemToken === undefined) throw notFound('stack');
    return { systemToken: stack.systemToken };
  }

  /** A new token takes its place; runs that have begun go on with the old one. */
  @Delete()
  @HttpCode(204)
  async recycle(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<void> {
    const { accountId, userId } = caller;
    const stored = await this.resources.stored(accountId, 'stacks', id);
    const changed = await this.deps.store.documents.update(accountId, 'stacks', stored._id, (current) => ({
      ...current,
      ...newSystemToken(this.deps.secretBox, accountId, stored._id),
      lastModified: new Date((this.deps.now ?? Date.now)()).toISOString(),
      lastModifiedBy: userId,
    }));
    if (!changed) throw notFound('stack');
    this.changes.announce(accountId, 'stacks', stored._id);
  }
}
