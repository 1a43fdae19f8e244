import ivm from 'isolated-vm';
import type { SandboxLimits } from '../limits.js';
import { Lru } from '../lru.js';
import type { CallRequest } from '../protocol.js';
import type { AskHost } from './host-gate.js';
import { ScriptFailure } from './script-failure.js';
import { ScriptInstance } from './script-instance.js';

interface Living {
  readonly isolate: ivm.Isolate;
  readonly instances: Lru<ScriptInstance>;
}

/** The isolate of one script: one call at a time, in order. It dies of too much memory and is replaced then. */
export class ScriptIsolate {
  #living: Living | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #callId = 0;

  /**
   * @param stuck told when V8 has no control over a call any more; the process must end
   * @param host asks the platform, for a call
   */
  constructor(
    private readonly limits: SandboxLimits,
    private readonly stuck: (callId: number) => void,
    private readonly host: (callId: number, name: string, values: string) => Promise<string>,
  ) {}

  /** @throws ScriptFailure */
  run(request: CallRequest, source: string, use: (instance: ScriptInstance) => Promise<string>): Promise<string> {
    const turn = this.#last.then(() => this.#run(request, source, use));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** When the calls under way have ended. */
  dispose(): void {
    void this.#last.finally(() => {
      if (this.#living && !this.#living.isolate.isDisposed) this.#living.isolate.dispose();
      this.#living = null;
    });
  }

  async #run(
    request: CallRequest,
    source: string,
    use: (instance: ScriptInstance) => Promise<string>,
  ): Promise<string> {
    this.#callId = request.id;
    const living = this.#alive();
    try {
      return await use(await this.#instance(living, request, source));
    } catch (error) {
      if (!living.isolate.isDisposed) throw error;
      throw new ScriptFailure(
        'script_memory_exceeded',
        `The script used more than ${this.limits.isolateMemoryMb} MB of memory.`,
      );
    }
  }

  #alive(): Living {
    if (this.#living === null || this.#living.isolate.isDisposed) {
      const { isolateMemoryMb, maxInstances } = this.limits;
      this.#living = {
        isolate: new ivm.Isolate({ memoryLimit: isolateMemoryMb, onCatastrophicError: () => this.stuck(this.#callId) }),
        instances: new Lru(maxInstances, (instance) => instance.release()),
      };
    }
    return this.#living;
  }

  async #instance({ isolate, instances }: Living, request: CallRequest, source: string): Promise<ScriptInstance> {
    const name = `${request.instance} ${request.functionName} ${request.content}`;
    let instance = instances.get(name);
    if (!instance) {
      const stuck = (): void => this.stuck(this.#callId);
      const ask: AskHost = (called, values) => this.host(this.#callId, called, values);
      instance = await ScriptInstance.load(isolate, request, source, this.limits, stuck, ask);
      instances.set(name, instance);
    }
    return instance;
  }
}
