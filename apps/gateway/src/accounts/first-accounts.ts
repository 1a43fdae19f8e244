import { createToken, hashToken } from '#security';
import type { Accounts } from '#store';

export interface FirstAccounts {
  /** `MILLRACE_TOKEN`; absent: a random one is made when no account exists yet */
  readonly token?: string | undefined;
  /** `MILLRACE_ACCOUNTS` (decision 34) */
  readonly more: readonly { readonly name: string; readonly token: string }[];
}

/** Name of the account that every installation has. */
const firstAccount = 'default';

/**
 * Makes the accounts of a first start; later starts change nothing.
 *
 * @returns the first account's token when it was made up here: it is shown once and stored only as a hash
 */
export async function ensureFirstAccounts(accounts: Accounts, { token, more }: FirstAccounts): Promise<string | null> {
  let made: string | null = null;
  if (token !== undefined) await accounts.ensure(firstAccount, hashToken(token));
  else if (await accounts.isEmpty()) {
    const random = createToken();
    // Of several processes that start at once, the one whose token was stored shows it.
    if ((await accounts.ensure(firstAccount, hashToken(random))).created) made = random;
  }
  for (const account of more) await accounts.ensure(account.name, hashToken(account.token));
  return made;
}
