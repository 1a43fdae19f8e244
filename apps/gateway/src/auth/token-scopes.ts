import type { TokenScope } from '#model';
import type { Caller } from '../http/caller.js';

/** What a custom token may do with the resources in its scope arrays: read and invoke them, and ping connections. */
const scoped: readonly { readonly route: RegExp; readonly methods: readonly string[]; readonly scope: TokenScope }[] = [
  { route: /^\/v1\/connections\/:id$/, methods: ['GET', 'HEAD'], scope: '_connectionIds' },
  { route: /^\/v1\/connections\/:id\/ping$/, methods: ['GET', 'POST', 'HEAD'], scope: '_connectionIds' },
  { route: /^\/v1\/exports\/:id$/, methods: ['GET', 'HEAD'], scope: '_exportIds' },
  { route: /^\/v1\/exports\/:id\/invoke$/, methods: ['POST'], scope: '_exportIds' },
  { route: /^\/v1\/imports\/:id\/invoke$/, methods: ['POST'], scope: '_importIds' },
  { route: /^\/v1\/imports\/:id$/, methods: ['GET', 'HEAD'], scope: '_importIds' },
];

/**
 * Whether a token's scope covers a route. A full token may do everything; a custom token only what its scope arrays
 * name, everything else is refused. Reference: resources §21.
 */
export function mayCall(caller: Caller, method: string, route: string, params: unknown): boolean {
  if (caller.fullAccess || route === '/v1/tokenInfo') return true;
  const rule = scoped.find((candidate) => candidate.route.test(route) && candidate.methods.includes(method));
  if (!rule) return false;
  const id: unknown = (params as { id?: unknown } | undefined)?.id;
  return typeof id === 'string' && (caller.scopes[rule.scope] ?? []).includes(id);
}
