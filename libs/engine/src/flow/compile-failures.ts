import type { CompileFailure } from '../program.js';

interface Refused {
  readonly error: Pick<CompileFailure, 'code' | 'message'>;
}

function isRefused(compiled: object): compiled is Refused {
  return 'error' in compiled;
}

/** Collects what stands in the way of a plan: all of it, so that a person can mend it at once. */
export class CompileFailures {
  readonly list: CompileFailure[] = [];

  add(code: CompileFailure['code'], message: string, stepId?: string): void {
    this.list.push({ code, message, ...(stepId === undefined ? {} : { stepId }) });
  }

  /** The part of a compiler's answer that is no error, which is noted; undefined when it is one. */
  take<T extends object>(compiled: T, stepId: string): Exclude<T, Refused> | undefined {
    if (!isRefused(compiled)) return compiled as Exclude<T, Refused>;
    this.add(compiled.error.code, compiled.error.message, stepId);
    return undefined;
  }
}
