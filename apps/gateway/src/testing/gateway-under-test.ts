import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { OutgoingMessage } from '#bus';
import { noResponders } from '#bus/responders';
import { createToken, hashToken, OneTimeTokens, SecretBox, Signer } from '#security';
import type { Store } from '#store';
import { createPostgresStore } from '#store/postgres/index';
import { silentLogger } from '#telemetry';
import { createTestDatabase } from '#testing/postgres';
import { pagedStatePurpose } from '#try-outs';
import { createGateway } from '../create-gateway.js';
import type { ConnectionTester, GatewayConfig, PingAnswer } from '../deps.js';

/** Remembers what was published; signals reach every listener at once. */
export class RecordingBus {
  readonly published: OutgoingMessage[] = [];
  readonly offered: { readonly topic: string; readonly payload: string }[] = [];
  readonly #listeners = new Map<string, Set<(payload: string) => void>>();
  isDown = false;
  /** Answers requests; absent: nobody responds. */
  responder: ((payload: Uint8Array, topic: string) => Promise<Uint8Array>) | null = null;

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    if (this.isDown) throw new Error('the broker is down');
    this.published.push(...messages);
  }

  offer(topic: string, payload: string): void {
    if (!this.isDown) this.offered.push({ topic, payload });
  }

  signal(topic: string, payload: string): void {
    for (const listener of this.#listeners.get(topic) ?? []) listener(payload);
  }

  onSignal(topic: string, listener: (payload: string) => void): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  async request(topic: string, payload: Uint8Array): Promise<Uint8Array> {
    if (this.responder === null) throw noResponders(topic);
    return this.responder(payload, topic);
  }

  async isReady(): Promise<boolean> {
    return !this.isDown;
  }
}

/** Answers pings as told, and remembers the connections it was given. */
export class ScriptedTester implements ConnectionTester {
  readonly pinged: Parameters<ConnectionTester['ping']>[1][] = [];
  answer: PingAnswer = { code: 200 };

  async ping(_accountId: string, connection: Parameters<ConnectionTester['ping']>[1]): Promise<PingAnswer> {
    this.pinged.push(connection);
    return this.answer;
  }
}

export interface Answer<T = unknown> {
  readonly status: number;
  readonly body: T;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One account's view of the API. */
export class Client {
  constructor(
    private readonly app: NestFastifyApplication,
    readonly token: string,
    readonly accountId: string,
  ) {}

  async call<T = Record<string, unknown>>(
    method: Method,
    url: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const response = await this.app.inject({
      method,
      url,
      headers: { authorization: `Bearer ${this.token}`, ...headers },
      ...(body === undefined ? {} : { payload: body as object }),
    });
    return {
      status: response.statusCode,
      body: (response.body === '' ? undefined : JSON.parse(response.body)) as T,
      headers: response.headers as Record<string, string>,
    };
  }

  /** Creates a resource. @returns its id */
  async make(type: string, body: object): Promise<string> {
    const { status, body: made } = await this.call<{ _id: string }>('POST', `/v1/${type}`, body);
    if (status !== 201) throw new Error(`POST /v1/${type} answered ${status}: ${JSON.stringify(made)}`);
    return made._id;
  }

  /** The same account at another gateway. */
  at(app: NestFastifyApplication): Client {
    return new Client(app, this.token, this.accountId);
  }

  as(token: string): Client {
    return new Client(this.app, token, this.accountId);
  }
}

export interface GatewayUnderTest {
  readonly app: NestFastifyApplication;
  readonly store: Store;
  readonly bus: RecordingBus;
  readonly tester: ScriptedTester;
  /** Issues tokens as executors do. */
  readonly oneTimeTokens: OneTimeTokens;
  /** Two accounts that must not see each other. */
  readonly alice: Client;
  readonly bob: Client;
  close(): Promise<void>;
}

/**
 * The gateway on a fresh database, with two accounts.
 *
 * @param beside another gateway of the same cluster: its store, bus and accounts are this one's too
 */
export async function startGateway(
  config: Partial<GatewayConfig> = {},
  now?: () => number,
  beside?: GatewayUnderTest,
): Promise<GatewayUnderTest> {
  const database = beside ? null : await createTestDatabase();
  const store = beside?.store ?? (await createPostgresStore({ connectionString: database!.url, poolSize: 5 }));
  const bus = beside?.bus ?? new RecordingBus();
  const tester = new ScriptedTester();
  const keyring = SecretBox.createKey('test');
  const oneTimeTokens = OneTimeTokens.fromKeyring(keyring);
  const app = await createGateway({
    store,
    bus,
    connectionTester: tester,
    secretBox: SecretBox.fromKeyring(keyring),
    oneTimeTokens,
    stateSigner: Signer.fromKeyring(keyring, pagedStatePurpose),
    logger: silentLogger,
    config: { rate: null, ...config },
    ...(now ? { now } : {}),
  });
  const client = async (name: string): Promise<Client> => {
    const token = createToken();
    const { account } = await store.accounts.ensure(name, hashToken(token));
    return new Client(app, token, account._id);
  };
  return {
    app,
    store,
    bus,
    tester,
    oneTimeTokens,
    alice: beside?.alice.at(app) ?? (await client('alice')),
    bob: beside?.bob.at(app) ?? (await client('bob')),
    close: async () => {
      await app.close();
      if (database === null) return;
      await store.close();
      await database.drop();
    },
  };
}

export const documents = {
  connection: { name: 'Shop', type: 'http', http: { baseURI: 'https://shop.example', mediaType: 'json' } },
  httpExport: (_connectionId: string) => ({ name: 'Orders', _connectionId, http: { relativeURI: '/orders' } }),
  httpImport: (_connectionId: string) => ({
    name: 'Order',
    _connectionId,
    http: { method: ['POST'], relativeURI: ['/orders'] },
  }),
  stack: { name: 'Own functions', type: 'server', server: { hostURI: 'https://stack.example' } },
};

/** Connection, export, import and a flow that uses them. */
export async function makeFlow(client: Client, change: object = {}) {
  const connectionId = await client.make('connections', documents.connection);
  const [exportId, importId] = await Promise.all([
    client.make('exports', documents.httpExport(connectionId)),
    client.make('imports', documents.httpImport(connectionId)),
  ]);
  const flowId = await client.make('flows', {
    name: 'Sync',
    pageGenerators: [{ _exportId: exportId }],
    pageProcessors: [{ type: 'import', _importId: importId }],
    ...change,
  });
  return { connectionId, exportId, importId, flowId };
}
