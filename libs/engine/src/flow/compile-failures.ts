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

  /** Scripts do not run yet; nothing that refers to one may be skipped (decision 28). */
  refuseHook(
    name: string,
    hook: { readonly function?: string; readonly _scriptId?: string; readonly _stackId?: string } | undefined,
    stepId: string,
  ): void {
    // Stubs without a function are accepted by the API and do nothing (resources §5.2).
    if (hook === undefined || (hook._scriptId === undefined && hook._stackId === undefined)) return;
    this.add('not_supported', `The hook ${name} needs scripts, which are not supported yet.`, stepId);
  }
}
