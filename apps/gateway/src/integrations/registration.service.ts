import { Inject, Injectable } from '@nestjs/common';
import type { StoredDocument } from '#store';
import { GATEWAY_DEPS, type GatewayDeps } from '../deps.js';
import { DocumentReader } from '#store/document-reader';

/** Connections are registered in integrations, several at once. Reference: resources §2. */
@Injectable()
export class RegistrationService {
  constructor(
    @Inject(GATEWAY_DEPS) private readonly deps: GatewayDeps,
    @Inject(DocumentReader) private readonly reader: DocumentReader,
  ) {}

  /** @returns false when there is no such integration */
  async register(accountId: string, integrationId: string, connectionIds: readonly string[]): Promise<boolean> {
    const current = await this.reader.get(accountId, 'integrations', integrationId);
    if (!current) return false;
    const known = registered(current);
    if (connectionIds.every((id) => known.includes(id))) return true;
    return this.#change(accountId, integrationId, (ids) => [...new Set([...ids, ...connectionIds])]);
  }

  /** @returns false when there is no such integration */
  unregister(accountId: string, integrationId: string, connectionId: string): Promise<boolean> {
    return this.#change(accountId, integrationId, (ids) => ids.filter((id) => id !== connectionId));
  }

  async #change(
    accountId: string,
    integrationId: string,
    change: (ids: readonly string[]) => readonly string[],
  ): Promise<boolean> {
    const updated = await this.deps.store.documents.update(accountId, 'integrations', integrationId, (current) => ({
      ...current,
      _registeredConnectionIds: change(registered(current)),
    }));
    return updated !== null;
  }
}

export function registered(integration: StoredDocument): readonly string[] {
  const ids = integration['_registeredConnectionIds'];
  return Array.isArray(ids) ? ids.filter((id): id is string => typeof id === 'string') : [];
}
