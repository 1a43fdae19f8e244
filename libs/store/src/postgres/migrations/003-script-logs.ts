import { Migration } from '@mikro-orm/migrations';

/** What users' scripts write. */
export class Migration003ScriptLogs extends Migration {
  override up(): void {
    this.addSql(`
create table script_logs (
  id text not null primary key,
  account_id text not null,
  script_id text not null,
  flow_id text not null,
  flow_job_id text not null,
  time timestamptz(3) not null,
  level text not null,
  function_type text not null,
  resource_id text not null,
  message text not null,
  purge_at timestamptz(3) not null
);
create index script_logs_list_index on script_logs (account_id, script_id, time desc, id desc);
create index script_logs_purge_index on script_logs (purge_at);
`);
  }
}
