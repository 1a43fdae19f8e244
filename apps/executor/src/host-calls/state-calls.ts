import { stateLimits, type JsonValue } from '#model';
import { HostCallError } from '#sandbox';
import type { State } from '#store';
import { executorCodes } from '../codes.js';

const { valueBytes: maxValueBytes, keys: maxKeys } = stateLimits;

/** What the functions of an account keep between runs. Reference: resources §19. */
export class StateCalls {
  constructor(private readonly state: State) {}

  get(accountId: string, key: string): Promise<JsonValue | undefined> {
    return this.state.get(accountId, key);
  }

  /** @throws HostCallError for a value that is too large, or a key too many */
  async put(accountId: string, key: string, value: JsonValue): Promise<void> {
    if (Buffer.byteLength(JSON.stringify(value)) > maxValueBytes) {
      throw new HostCallError('request_size_exceeded', `A value of the state may have ${maxValueBytes} bytes of JSON.`);
    }
    if ((await this.state.put(accountId, key, value, maxKeys)) === 'full') {
      throw new HostCallError(executorCodes.state_full.code, `The state holds ${maxKeys} keys already; delete some.`);
    }
  }

  async delete(accountId: string, key: string): Promise<void> {
    await this.state.delete(accountId, key);
  }

  find(accountId: string): Promise<readonly string[]> {
    return this.state.keys(accountId);
  }
}
