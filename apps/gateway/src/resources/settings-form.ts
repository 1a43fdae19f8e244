import { Inject, Injectable } from '@nestjs/common';
import { isRecord, type JsonRecord, type ResourceType, resourceTypes } from '#model';
import type { Caller } from '../http/caller.js';
import type { Asker } from '../try-out/asker.js';
import { DocumentReader } from '#store/document-reader';
import { namedFunction, ResourceFunctions } from './resource-functions.js';
import { ResourceService } from './resource.service.js';

/** Where a document of a type names the integration above it. */
const parentFields: Readonly<Partial<Record<ResourceType['name'], string>>> = {
  integrations: '_parentId',
  flows: '_integrationId',
  exports: '_integrationId',
  imports: '_integrationId',
};

/** Forms for the custom settings of resources. Reference: runtime §16.1 (formInit). */
@Injectable()
export class SettingsForms {
  constructor(
    @Inject(ResourceService) private readonly resources: ResourceService,
    @Inject(DocumentReader) private readonly reader: DocumentReader,
    @Inject(ResourceFunctions) private readonly functions: ResourceFunctions,
  ) {}

  /**
   * The form to show now: what the resource's `settingsForm.init` makes of it, or `settingsForm.form` as it is.
   *
   * @throws ApiError 404; 422 with the function's message
   */
  async init(asker: Asker, type: ResourceType, id: string): Promise<JsonRecord> {
    const resource = await this.resources.get(asker.caller, type, id);
    const { init, form } = isRecord(resource['settingsForm']) ? resource['settingsForm'] : {};
    const named = namedFunction(init, 'settingsForm.init');
    if (named === null) return isRecord(form) ? form : {};
    const parent = await this.#integrationAbove(asker.caller, type, resource);
    const grandparent = parent && (await this.#integrationAbove(asker.caller, resourceTypes.integrations, parent));
    const options = {
      resource,
      ...(parent === null ? {} : { parentResource: parent }),
      ...(grandparent === null ? {} : { grandparentResource: grandparent }),
      sandbox: resource['sandbox'] === true,
    };
    return this.functions.call(asker, named, options, 'settingsForm.init');
  }

  /** null: there is none, or none any more */
  async #integrationAbove(caller: Caller, { name }: ResourceType, resource: JsonRecord): Promise<JsonRecord | null> {
    const field = parentFields[name];
    const id = field === undefined ? undefined : resource[field];
    const stored = typeof id === 'string' ? await this.reader.get(caller.accountId, 'integrations', id) : null;
    return stored && this.resources.present(resourceTypes.integrations, stored);
  }
}
