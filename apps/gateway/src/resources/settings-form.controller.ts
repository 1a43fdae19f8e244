import { Controller, HttpCode, Inject, Param, Post, type Type } from '@nestjs/common';
import type { JsonRecord, ResourceType } from '#model';
import { type Asker, CurrentAsker } from '../try-out/asker.js';
import { SettingsForms } from './settings-form.js';

/** Reference: runtime §16.1 (formInit). */
export function settingsFormController(type: ResourceType): Type<unknown> {
  @Controller(`v1/${type.name}/:id/settingsForm`)
  class SettingsFormController {
    constructor(@Inject(SettingsForms) private readonly forms: SettingsForms) {}

    @Post('init')
    @HttpCode(200)
    init(@CurrentAsker() asker: Asker, @Param('id') id: string): Promise<JsonRecord> {
      return this.forms.init(asker, type, id);
    }
  }
  Object.defineProperty(SettingsFormController, 'name', { value: `${type.title}SettingsFormController` });
  return SettingsFormController;
}
