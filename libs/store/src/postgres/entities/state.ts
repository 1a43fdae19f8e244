import { defineEntity, p } from '@mikro-orm/core';

/** Values are JSON text, given back as they were. Reference: resources §19. */
export const StateEntry = defineEntity({
  name: 'StateEntry',
  tableName: 'state',
  properties: {
    accountId: p.text().primary(),
    key: p.text().primary(),
    value: p.json<unknown>().columnType('json'),
  },
});
