import { defineEntity, p } from '@mikro-orm/core';

/** Reference: resources §9. */
export const ScriptLogLine = defineEntity({
  name: 'ScriptLogLine',
  tableName: 'script_logs',
  properties: {
    id: p.text().primary(),
    accountId: p.text(),
    scriptId: p.text(),
    flowId: p.text(),
    flowJobId: p.text(),
    time: p.datetime(3),
    level: p.text(),
    functionType: p.text(),
    resourceId: p.text(),
    message: p.text(),
    purgeAt: p.datetime(3).index('script_logs_purge_index'),
  },
  indexes: [
    {
      name: 'script_logs_list_index',
      expression: `create index "script_logs_list_index" on "script_logs" ("account_id", "script_id", "time" desc, "id" desc)`,
    },
  ],
});
