import { openSecrets, sealSecrets, type JsonRecord } from '#model';
import { createToken, SecretBox } from '#security';

const field = 'systemToken';

/** A new token of a stack, sealed. */
export function newSystemToken(
  box: Pick<SecretBox, 'seal' | 'open'>,
  accountId: string,
  resourceId: string,
): JsonRecord {
  return sealSecrets({ [field]: createToken('stack') }, [field], (plaintext, sealed) =>
    box.seal(plaintext, { accountId, resourceId, field: sealed }),
  );
}

/** The token of a stack, open. */
export function systemTokenOf(
  box: Pick<SecretBox, 'seal' | 'open'>,
  accountId: string,
  stack: JsonRecord & { readonly _id: string },
): string {
  const { systemToken } = openSecrets({ systemToken: stack[field] }, [field], (text, name) =>
    SecretBox.isSealed(text) ? box.open(text, { accountId, resourceId: stack._id, field: name }) : null,
  );
  if (typeof systemToken !== 'string') throw new Error(`The stack ${stack._id} has no system token.`);
  return systemToken;
}
