import { Inject, Injectable } from '@nestjs/common';
import { isRecord, type JsonRecord, mapAt, mask, masked, type ResourceType, valueAt } from '#model';
import type { Asker } from '../try-out/asker.js';
import { namedFunction, ResourceFunctions } from './resource-functions.js';

const field = 'preSave';

/** The function that a resource names to look at it before it is stored. Reference: runtime §16.1. */
@Injectable()
export class PreSave {
  constructor(@Inject(ResourceFunctions) private readonly functions: ResourceFunctions) {}

  /**
   * What is to be validated and stored instead of what was sent. The function named by what was sent counts, so that one
   * that always fails can be taken away. It sees secrets masked; those that it leaves masked stay as they were sent.
   *
   * @param before the resource that a PUT replaces, as clients see it; null on POST
   * @throws ApiError as {@link ResourceFunctions.call}: nothing is stored
   */
  async revised(asker: Asker, type: ResourceType, sent: unknown, before: JsonRecord | null): Promise<unknown> {
    if (!isRecord(sent) || !Object.hasOwn(type.input.shape, field)) return sent;
    const named = namedFunction(sent[field], field);
    if (named === null) return sent;
    const newResource = masked(sent, type.secrets) as JsonRecord;
    const sandbox = (before ?? newResource)['sandbox'] === true;
    const options = { newResource, ...(before === null ? {} : { oldResource: before }), sandbox };
    const returned = await this.functions.call(asker, named, options, field);
    return mapAt(returned, type.secrets, (value, path) => (value === mask ? (valueAt(sent, path) ?? mask) : value));
  }
}
