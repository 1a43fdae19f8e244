import type { Stacks } from '#connectors';
import type { StoredStack } from '#model';
import type { SecretOpener } from './secret-opener.js';

/** Stacks of one account that plans brought; of one that changed between two plans, as it is in the later. */
export class KnownStacks implements Stacks {
  readonly #byId = new Map<string, StoredStack>();

  constructor(
    private readonly accountId: string,
    private readonly secrets: Pick<SecretOpener, 'stack'>,
  ) {}

  add(stacks: Readonly<Record<string, StoredStack>>): void {
    for (const stack of Object.values(stacks)) this.#byId.set(stack._id, stack);
  }

  /** @throws Error when the secrets of the stack cannot be opened */
  async find(stackId: string): Promise<StoredStack | null> {
    const stack = this.#byId.get(stackId);
    return stack === undefined ? null : this.secrets.stack(this.accountId, stack);
  }
}
