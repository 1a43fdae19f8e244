import { connectionSecrets, openSecrets, type Connection } from '#model';
import { SecretBox } from '#security/secret-box';

type StoredConnection = Connection & { readonly _id: string };

/** Opens the sealed secrets of a connection document right before they are used (P7). */
export type OpenConnection = (accountId: string, connection: StoredConnection) => StoredConnection;

/** @param keyring absent: a document that holds sealed secrets cannot be used */
export function connectionOpener(keyring: string | undefined): OpenConnection {
  const box = keyring === undefined ? null : SecretBox.fromKeyring(keyring);
  const opened = new WeakMap<StoredConnection, StoredConnection>();
  return (accountId, connection) => {
    let open = opened.get(connection);
    if (!open) {
      open = openSecrets(connection, connectionSecrets, (text, field) => {
        if (!SecretBox.isSealed(text)) return null;
        if (!box)
          throw new Error('A connection has sealed secrets, and no keyring is configured (MILLRACE_ENCRYPTION_KEYS).');
        return box.open(text, { accountId, resourceId: connection._id, field });
      });
      opened.set(connection, open);
    }
    return open;
  };
}
