import { tokenScopes } from '../access-token.js';
import { checkName, type Rules, textAt } from './rule.js';

const day = 86_400_000;
const mustBeNamed = checkName(false);

/** Reference: resources §21. */
export const accessTokenRules: Rules = (document, issues, context) => {
  mustBeNamed(document, issues, context);
  const scoped = tokenScopes.find((scope) => Array.isArray(document[scope]) && document[scope].length > 0);
  if (document['fullAccess'] === true && scoped !== undefined) {
    issues.add('invalid_field', 'A token has either full access or scopes, not both.', scoped);
  }
  const purgeAt = textAt(document, 'autoPurgeAt');
  if (purgeAt === undefined || context.mode === 'patch') return;
  const days = document['tokenType'] === 'ashare' ? 90 : 30;
  const at = Date.parse(purgeAt);
  if (at > context.nowMs + days * day) {
    issues.add('invalid_field_value', `autoPurgeAt must be at most ${days} days ahead.`, 'autoPurgeAt');
  } else if (context.mode === 'create' && at <= context.nowMs) {
    issues.add('invalid_field_value', 'autoPurgeAt must be in the future.', 'autoPurgeAt');
  }
};
