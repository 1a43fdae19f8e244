import { Inject, Injectable } from '@nestjs/common';
import {
  type Connection,
  connectionSecrets,
  isId,
  isRecord,
  type JsonRecord,
  newId,
  openSecrets,
  parseResource,
  resourceTypes,
  withStoredSecrets,
} from '#model';
import { SecretBox } from '#security';
import { GATEWAY_DEPS, type GatewayDeps, type PingAnswer } from '../deps.js';
import type { Caller } from '../http/caller.js';
import { invalid } from '../http/refusals.js';
import { ResourceService } from '../resources/resource.service.js';

/** Reference: resources §6.1. The answer to a ping is always 200; its `code` says how it went. */
@Injectable()
export class PingService {
  constructor(
    @Inject(GATEWAY_DEPS) private readonly deps: GatewayDeps,
    @Inject(ResourceService) private readonly resources: ResourceService,
  ) {}

  async pingStored(caller: Caller, id: string): Promise<PingAnswer> {
    const stored = await this.resources.stored(caller.accountId, 'connections', id);
    return this.#ping(caller, this.#opened(caller.accountId, id, stored), id);
  }

  /** An unsaved document; its masked secrets are taken from the stored one when it carries that one's `_id`. */
  async pingVirtual(caller: Caller, body: unknown): Promise<PingAnswer> {
    const nowMs = (this.deps.now ?? Date.now)();
    const parsed = parseResource(resourceTypes.connections, body, { mode: 'create', nowMs });
    if ('issues' in parsed) throw invalid(parsed.issues);
    const id = isRecord(body) && isId(body['_id']) ? body['_id'] : null;
    const stored: JsonRecord =
      id === null
        ? {}
        : this.#opened(caller.accountId, id, await this.resources.stored(caller.accountId, 'connections', id));
    return this.#ping(caller, withStoredSecrets(parsed.document, stored, connectionSecrets), id ?? newId(nowMs));
  }

  #opened(accountId: string, resourceId: string, stored: JsonRecord): JsonRecord {
    return openSecrets(stored, connectionSecrets, (sealed, field) =>
      SecretBox.isSealed(sealed) ? this.deps.secretBox.open(sealed, { accountId, resourceId, field }) : null,
    );
  }

  #ping(caller: Caller, document: JsonRecord, _id: string): Promise<PingAnswer> {
    const signal = AbortSignal.timeout(this.deps.config.pingTimeoutMs ?? 60_000);
    // Validated when it was written or just now (parse at the edge, once).
    const connection = { ...document, _id } as unknown as Connection & { readonly _id: string };
    return this.deps.connectionTester.ping(caller.accountId, connection, signal);
  }
}
