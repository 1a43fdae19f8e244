import type { ConnectorHost, Stacks, TokenStore } from '#connectors';
import { connectionAdaptorFor } from '#connectors/registry';
import { systemClock } from '#clock';
import type { ConnectionTester } from '../deps.js';

export interface TesterSettings {
  readonly egressAllow: readonly string[];
  readonly filesystemRoot?: string | undefined;
  /** refreshes tokens under the cluster-wide lock, as flows do */
  readonly tokensOf: (accountId: string) => TokenStore;
  readonly stacksOf: (accountId: string) => Stacks;
}

/**
 * Pings through the very connectors that flows use. A ping is one request that a person waits for, so it takes no permit
 * of the connection's limit.
 */
export function createConnectorTester(settings: TesterSettings): ConnectionTester {
  const { egressAllow, filesystemRoot, tokensOf, stacksOf } = settings;
  return {
    ping: async (accountId, connection, signal) => {
      const adaptor = connectionAdaptorFor(connection);
      if (!adaptor) {
        const message = `Connections of type ${connection.type} cannot be tried out.`;
        return { code: 422, errors: [{ code: 'unsupported_type', message }] };
      }
      const host: ConnectorHost = {
        limits: {
          acquire: () => Promise.resolve({ release: () => undefined }),
          throttled: () => undefined,
          succeeded: () => undefined,
        },
        tokens: tokensOf(accountId),
        stacks: stacksOf(accountId),
        openSecrets: (opened) => Promise.resolve(opened),
        egressAllow,
        ...(filesystemRoot === undefined ? {} : { filesystemRoot }),
        clock: systemClock,
        random: Math.random,
      };
      return adaptor.ping(connection, host, signal);
    },
  };
}
