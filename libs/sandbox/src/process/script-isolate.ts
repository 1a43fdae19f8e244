import ivm from 'isolated-vm';
import type { SandboxLimits } from '../limits.js';
import { Lru } from '../lru.js';
import type { InstanceKey } from '../protocol.js';
import { ScriptFailure } from './script-failure.js';
import { ScriptInstance } from './script-instance.js';

/** The isolate of one script. It dies of too much memory; its owner makes a new one then. */
export class ScriptIsolate {
  readonly #isolate: ivm.Isolate;
  readonly #instances: Lru<ScriptInstance>;

  /** @param lost V8 has no control over the isolate any more; the process must end */
  constructor(
    private readonly limits: SandboxLimits,
    lost: (reason: string) => void,
  ) {
    this.#isolate = new ivm.Isolate({ memoryLimit: limits.isolateMemoryMb, onCatastrophicError: lost });
    this.#instances = new Lru(limits.maxInstances, (instance) => instance.release());
  }

  get isDead(): boolean {
    return this.#isolate.isDisposed;
  }

  /** @throws ScriptFailure */
  async run(key: InstanceKey, source: string, use: (instance: ScriptInstance) => Promise<string>): Promise<string> {
    try {
      return await use(await this.#instance(key, source));
    } catch (error) {
      if (!this.isDead) throw error;
      throw new ScriptFailure(
        'script_memory_exceeded',
        `The script used more than ${this.limits.isolateMemoryMb} MB of memory.`,
      );
    }
  }

  dispose(): void {
    if (!this.isDead) this.#isolate.dispose();
  }

  async #instance(key: InstanceKey, source: string): Promise<ScriptInstance> {
    const name = `${key.instance} ${key.functionName} ${key.content}`;
    let instance = this.#instances.get(name);
    if (!instance) {
      instance = await ScriptInstance.load(this.#isolate, key, source, this.limits);
      this.#instances.set(name, instance);
    }
    return instance;
  }
}
