import { Inject, Injectable } from '@nestjs/common';
import { ApiError } from '#failures';
import { stateLimits, type JsonValue } from '#model';
import { apiCodes } from '../codes.js';
import { GATEWAY_DEPS, type GatewayDeps } from '../deps.js';
import type { Caller } from '../http/caller.js';
import { notFound } from '../http/refusals.js';

/** The JSON by key of an account, which its scripts read and write too. Reference: resources §19. */
@Injectable()
export class StateService {
  constructor(@Inject(GATEWAY_DEPS) private readonly deps: GatewayDeps) {}

  keys({ accountId }: Caller): Promise<readonly string[]> {
    return this.deps.store.state.keys(accountId);
  }

  /** @throws ApiError 404 */
  async get({ accountId }: Caller, key: string): Promise<JsonValue> {
    const value = await this.deps.store.state.get(accountId, key);
    if (value === undefined) throw notFound('key');
    return value;
  }

  /** @throws ApiError 422 for a value that is too large or none, a key that is too long, a key too many */
  async put({ accountId }: Caller, key: string, value: unknown): Promise<'created' | 'replaced'> {
    const { keyLength, valueBytes, keys } = stateLimits;
    if (value === undefined) throw ApiError.of(apiCodes.invalid_request, 'Send the value as JSON.');
    if (key.length > keyLength) throw ApiError.of(apiCodes.max, `A key may have ${keyLength} characters.`, 'key');
    if (Buffer.byteLength(JSON.stringify(value)) > valueBytes) {
      throw ApiError.of(apiCodes.max, `A value of the state may have ${valueBytes} bytes of JSON.`);
    }
    const outcome = await this.deps.store.state.put(accountId, key, value as JsonValue, keys);
    if (outcome !== 'full') return outcome;
    throw ApiError.of(apiCodes.not_allowed, `The state holds ${keys} keys already; delete some.`);
  }

  async delete({ accountId }: Caller, key: string): Promise<void> {
    await this.deps.store.state.delete(accountId, key);
  }

  clear({ accountId }: Caller): Promise<void> {
    return this.deps.store.state.clear(accountId);
  }
}
