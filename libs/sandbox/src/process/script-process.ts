import { linesOf } from '../frames.js';
import type { SandboxLimits } from '../limits.js';
import { Lru } from '../lru.js';
import type { CallRequest, ReplyHead, Request } from '../protocol.js';
import { OpenHostCalls } from './open-host-calls.js';
import { ScriptFailure } from './script-failure.js';
import { ScriptIsolate } from './script-isolate.js';

/** Contents kept, whatever their isolates do; a caller sends again what is missing. */
const maxContents = 100;

/** The scripts of one account. */
export class ScriptProcess {
  readonly #isolates: Lru<ScriptIsolate>;
  readonly #contents = new Lru<string>(maxContents);
  readonly #hostCalls: OpenHostCalls;

  constructor(
    private readonly limits: SandboxLimits,
    private readonly reply: (head: ReplyHead, body: string) => void,
    /** V8 does not end this call */
    private readonly stuck: (callId: number) => void,
  ) {
    this.#hostCalls = new OpenHostCalls(reply);
    this.#isolates = new Lru(limits.maxIsolates, (isolate) => isolate.dispose());
  }

  handle(request: Request, body: Buffer): void {
    switch (request.kind) {
      case 'content':
        this.#contents.set(request.content, body.toString());
        return;
      case 'host-answer':
        return this.#hostCalls.answered(request.id, request.sequence, body.toString());
      default:
        void this.#call(request, linesOf(body, Infinity));
    }
  }

  async #call(request: CallRequest, lines: string[]): Promise<void> {
    const { id } = request;
    const source = this.#contents.get(request.content);
    if (source === undefined) return this.reply({ id, kind: 'content-missing' }, '');
    const isolate = this.#isolate(request.scriptId);
    try {
      const answer = await isolate.run(request, source, (instance) =>
        request.kind === 'calls' ? instance.calls(lines) : instance.callEach(lines[0]!, lines[1]!),
      );
      this.reply({ id, kind: 'answered' }, answer);
    } catch (error) {
      const code = error instanceof ScriptFailure ? error.code : 'script_error';
      const message = error instanceof Error ? error.message : String(error);
      this.reply({ id, kind: 'failed', code, message: message.slice(0, 4_000) }, '');
    } finally {
      this.#hostCalls.forget(id);
    }
  }

  #isolate(scriptId: string): ScriptIsolate {
    let isolate = this.#isolates.get(scriptId);
    if (!isolate) {
      isolate = new ScriptIsolate(this.limits, this.stuck, (...asked) => this.#hostCalls.ask(...asked));
      this.#isolates.set(scriptId, isolate);
    }
    return isolate;
  }
}
