import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { signals } from '#contracts';
import type { ResourceTypeName } from '#model';
import { GATEWAY_DEPS, type GatewayDeps } from '../deps.js';

/**
 * Tells of changed documents, wherever they were changed: here at once, so that who changed one and then relies on it is
 * not answered from before the change; elsewhere by a signal, which may be late or lost.
 */
@Injectable()
export class ResourceChanges implements OnModuleDestroy {
  readonly #listeners = new Set<(id: string) => void>();
  readonly #unlisten: () => void;

  constructor(@Inject(GATEWAY_DEPS) private readonly deps: Pick<GatewayDeps, 'bus'>) {
    this.#unlisten = deps.bus.onSignal(signals.resourceChanged, (payload) => {
      const id = payload.split(' ')[2];
      if (id !== undefined) this.#tell(id);
    });
  }

  announce(accountId: string, type: ResourceTypeName, id: string): void {
    this.#tell(id);
    this.deps.bus.signal(signals.resourceChanged, `${accountId} ${type} ${id}`);
  }

  onChange(listener: (id: string) => void): void {
    this.#listeners.add(listener);
  }

  onModuleDestroy(): void {
    this.#unlisten();
  }

  #tell(id: string): void {
    for (const listener of this.#listeners) listener(id);
  }
}
