import { Migration } from '@mikro-orm/migrations';

/** What steps did in test runs of flows. */
export class Migration005TestRuns extends Migration {
  override up(): void {
    this.addSql(`
create table test_run_steps (
  account_id text not null,
  run_id text not null,
  step_id text not null,
  flow_id text not null,
  stages json not null,
  purge_at timestamptz(3) not null,
  primary key (account_id, run_id, step_id)
);
create index test_run_steps_purge_index on test_run_steps (purge_at);
`);
  }
}
