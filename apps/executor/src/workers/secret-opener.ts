import {
  connectionSecrets,
  openSecrets,
  stackSecrets,
  type Connection,
  type PathPattern,
  type StoredStack,
} from '#model';
import { SecretBox } from '#security/secret-box';

type StoredConnection = Connection & { readonly _id: string };

/** Opens sealed secrets right before they are used (P7); what was opened once is kept with its document. */
export interface SecretOpener {
  connection(accountId: string, connection: StoredConnection): StoredConnection;
  stack(accountId: string, stack: StoredStack): StoredStack;
}

/** @param keyring absent: a document that holds sealed secrets cannot be used */
export function secretOpener(keyring: string | undefined): SecretOpener {
  const box = keyring === undefined ? null : SecretBox.fromKeyring(keyring);
  return { connection: opener(box, connectionSecrets, 'connection'), stack: opener(box, stackSecrets, 'stack') };
}

function opener<T extends { readonly _id: string }>(
  box: SecretBox | null,
  secrets: readonly PathPattern[],
  what: string,
): (accountId: string, document: T) => T {
  const opened = new WeakMap<T, T>();
  return (accountId, document) => {
    let open = opened.get(document);
    if (!open) {
      open = openSecrets(document, secrets, (text, field) => {
        if (!SecretBox.isSealed(text)) return null;
        if (!box) {
          throw new Error(`A ${what} has sealed secrets, and no keyring is configured (MILLRACE_ENCRYPTION_KEYS).`);
        }
        return box.open(text, { accountId, resourceId: document._id, field });
      });
      opened.set(document, open);
    }
    return open;
  };
}
