import type { z } from 'zod';
import type { accountsConfig, apiConfig } from '#config';
import { TokenBroker } from '#connectors/tokens/token-broker';
import { systemClock } from '#clock';
import type { Host, ServiceHandle } from '#hosting';
import { OneTimeTokens, SecretBox, Signer } from '#security';
import { pagedStatePurpose } from '#try-outs';
import { ensureFirstAccounts } from './accounts/first-accounts.js';
import { createConnectorTester } from './connections/connector-tester.js';
import { createGateway } from './create-gateway.js';
import { storedStacks } from './stacks/stored-stacks.js';

export interface GatewayWiring {
  readonly api: z.infer<(typeof apiConfig)['schema']>;
  readonly accounts: z.infer<(typeof accountsConfig)['schema']>;
  readonly instance: string;
  readonly egressAllow: readonly string[];
  readonly filesystemRoot?: string | undefined;
  /** `MILLRACE_ENCRYPTION_KEYS` */
  readonly keyring: string;
}

export interface RunningGateway extends ServiceHandle {
  /** `http://<address>:<port>` */
  readonly url: string;
  /** the first account's token, when it was made up at this start */
  readonly newToken: string | null;
}

/** Starts the REST API in this process. */
export async function startGateway(host: Host, wiring: GatewayWiring): Promise<RunningGateway> {
  const { api, accounts, instance, egressAllow, filesystemRoot, keyring } = wiring;
  const { store, bus } = host.ports;
  const newToken = await ensureFirstAccounts(store.accounts, {
    token: accounts.MILLRACE_TOKEN,
    more: accounts.MILLRACE_ACCOUNTS,
  });
  const tokens = new TokenBroker({ bus, documents: store.documents, clock: systemClock, instance, keyring });
  const secretBox = SecretBox.fromKeyring(keyring);
  let isListening = false;
  const app = await createGateway({
    store,
    bus,
    secretBox,
    stateSigner: Signer.fromKeyring(keyring, pagedStatePurpose),
    oneTimeTokens: OneTimeTokens.fromKeyring(keyring),
    connectionTester: createConnectorTester({
      egressAllow,
      filesystemRoot,
      tokensOf: (accountId) => tokens.forAccount(accountId),
      stacksOf: (accountId) => storedStacks(store.documents, secretBox, accountId),
    }),
    logger: host.logger.child({ part: 'gateway' }),
    config: { rate: api.MILLRACE_API_RATE },
    readiness: host.states,
    handleMetrics: (request, response) => host.telemetry.handleMetrics(request, response),
  });
  await app.listen(api.PORT, api.MILLRACE_HOST);
  isListening = true;
  const address = new URL(await app.getUrl());
  return {
    url: `http://${api.MILLRACE_HOST === '0.0.0.0' ? 'localhost' : address.hostname}:${address.port}`,
    newToken,
    isReady: () => isListening,
    drain: async () => {
      isListening = false;
      await app.close();
    },
  };
}
