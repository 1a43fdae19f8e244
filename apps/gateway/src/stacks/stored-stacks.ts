import type { Stacks } from '#connectors';
import { isId, openSecrets, stackSecrets, type StoredStack } from '#model';
import { SecretBox } from '#security';
import type { Documents } from '#store';

/** Stacks of an account as they are stored now, their secrets open. */
export function storedStacks(
  documents: Pick<Documents, 'get'>,
  box: Pick<SecretBox, 'open'>,
  accountId: string,
): Stacks {
  return {
    find: async (stackId) => {
      const stored = isId(stackId) ? await documents.get(accountId, 'stacks', stackId) : null;
      if (!stored) return null;
      const opened = openSecrets(stored, stackSecrets, (text, field) =>
        SecretBox.isSealed(text) ? box.open(text, { accountId, resourceId: stackId, field }) : null,
      );
      // Validated when it was written (parse at the edge, once).
      return opened as unknown as StoredStack;
    },
  };
}
