import { Inject, Injectable } from '@nestjs/common';
import { engineCodes } from '#engine/codes';
import { ApiError } from '#failures';
import { isId, isRecord, type JsonRecord } from '#model';
import { apiCodes } from '../codes.js';
import type { Asker } from '../try-out/asker.js';
import { ExecutorClient } from '../try-out/executor-client.js';
import { DocumentReader } from '#store/document-reader';

/** How a document names a function of a script. */
export interface NamedFunction {
  readonly name: string;
  readonly scriptId: string;
  readonly configuration?: JsonRecord;
}

/** Calls functions that belong to resources, not to flows: `preSave` and `settingsForm.init`. Reference: runtime §16.1. */
@Injectable()
export class ResourceFunctions {
  constructor(
    @Inject(DocumentReader) private readonly reader: DocumentReader,
    @Inject(ExecutorClient) private readonly executor: ExecutorClient,
  ) {}

  /**
   * Has an executor call a function that must return an object.
   *
   * @param field where the document names it
   * @throws ApiError 422 with the function's message when it throws, is missing or returns something else; and all of
   *   {@link ExecutorClient.ask}
   */
  async call(asker: Asker, named: NamedFunction, options: JsonRecord, field: string): Promise<JsonRecord> {
    const { configuration } = named;
    const { value, error } = await this.executor.ask(asker, {
      kind: 'script',
      content: await this.#contentOf(asker, named.scriptId, field),
      function: named.name,
      options: configuration === undefined ? { ...options } : { ...options, configuration },
    });
    if (error !== undefined) throw new ApiError(422, [{ code: error.code, message: error.message, field }]);
    if (!isRecord(value)) {
      throw ApiError.of(engineCodes.invalid_extension_response, `${named.name} must return an object.`, field);
    }
    return value as JsonRecord;
  }

  async #contentOf({ caller }: Asker, scriptId: string, field: string): Promise<string> {
    const script = await this.reader.get(caller.accountId, 'scripts', scriptId);
    if (!script) {
      throw ApiError.of(apiCodes.invalid_ref, `No scripts resource has the id ${scriptId}.`, `${field}._scriptId`);
    }
    return typeof script['content'] === 'string' ? script['content'] : '';
  }
}

/**
 * The function that a document, validated or not, names; null for stubs, which name none and do nothing.
 *
 * @throws ApiError 422 `not_supported` for functions of stacks
 */
export function namedFunction(reference: unknown, field: string): NamedFunction | null {
  if (!isRecord(reference)) return null;
  const { function: name, _scriptId: scriptId, _stackId: stackId, configuration } = reference;
  if (typeof name !== 'string' || name === '') return null;
  if (isId(scriptId)) {
    return { name, scriptId, ...(isRecord(configuration) ? { configuration: configuration as JsonRecord } : {}) };
  }
  if (stackId === undefined || stackId === null) return null;
  throw ApiError.of(apiCodes.not_supported, 'Functions of stacks cannot be called here. Name a script.', field);
}
