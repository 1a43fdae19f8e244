import { sealSecrets, type JsonRecord } from '#model';
import { createToken, type SecretBox } from '#security';

const field = 'systemToken';

/** A new token of a stack, sealed. */
export function newSystemToken(box: Pick<SecretBox, 'seal'>, accountId: string, resourceId: string): JsonRecord {
  return sealSecrets({ [field]: createToken('stack') }, [field], (plaintext, sealed) =>
    box.seal(plaintext, { accountId, resourceId, field: sealed }),
  );
}
