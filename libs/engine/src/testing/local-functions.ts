import type { JsonRecord, JsonValue } from '#model';
import type { FunctionOutcome, Functions } from '../functions.js';

/** A user's function written in the test; what it throws is its failure. Everything crosses as JSON, as it will in isolates. */
export type LocalFunction = (options: JsonRecord) => unknown;

/** Users' functions by name, called in this process; remembers the options of each call. */
export class LocalFunctions implements Functions {
  readonly calls: { readonly name: string; readonly options: JsonRecord }[] = [];

  constructor(private readonly byName: Readonly<Record<string, LocalFunction>>) {}

  async call(reference: Parameters<Functions['call']>[0], options: JsonRecord): Promise<FunctionOutcome> {
    return this.#call(reference.name, {
      ...options,
      ...(reference.configuration === undefined ? {} : { configuration: reference.configuration }),
    });
  }

  async callEach(
    reference: Parameters<Functions['callEach']>[0],
    common: JsonRecord,
    each: readonly JsonRecord[],
  ): Promise<readonly FunctionOutcome[]> {
    return each.map((options) => this.#call(reference.name, { ...common, ...options }));
  }

  #call(name: string, options: JsonRecord): FunctionOutcome {
    const given = JSON.parse(JSON.stringify(options)) as JsonRecord;
    this.calls.push({ name, options: given });
    try {
      const text = JSON.stringify(this.byName[name]?.(given)) as string | undefined;
      return { value: text === undefined ? undefined : (JSON.parse(text) as JsonValue) };
    } catch (error) {
      return { failure: { code: 'Error', message: error instanceof Error ? error.message : String(error) } };
    }
  }
}
