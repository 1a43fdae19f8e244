import { Migration } from '@mikro-orm/migrations';

/**
 * Jobs change their status without a change to any index. An index that names a column in its key or its condition has to
 * be told of every change of it, and all others with it; so what only runs need, and only at times, is in columns of its own
 * that are null otherwise: a run that starts, and a step that ends, rewrite no index entry (PostgreSQL: heap-only tuples).
 * Half of a page is left to the later versions of its rows.
 */
export class Migration006HotJobs extends Migration {
  override up(): void {
    this.addSql(`
drop index jobs_unfinished_index;
drop index jobs_integration_index;
drop index jobs_unfollowed_index;
drop index jobs_unpruned_index;
alter table jobs
  set (fillfactor = 50),
  add column open_flow_id text null generated always as (
    case when type = 'flow' and status in ('queued', 'running', 'retrying', 'canceling') then flow_id end
  ) stored,
  add column unfollowed_since timestamptz(3) null generated always as (
    case when type = 'flow' and status in ('completed', 'failed', 'canceled') and followed_at is null then ended_at end
  ) stored,
  add column unpruned_since timestamptz(3) null generated always as (
    case when type = 'flow' and status in ('completed', 'failed', 'canceled') and ledger_pruned_at is null then ended_at end
  ) stored;
create index jobs_open_index on jobs (open_flow_id, created_at) where open_flow_id is not null;
create index jobs_held_back_index on jobs (created_at) where waiting_for is not null;
create index jobs_integration_index on jobs (account_id, integration_id, created_at desc, id desc)
  where integration_id is not null and flow_job_id is null;
create index jobs_unfollowed_index on jobs (unfollowed_since) where unfollowed_since is not null;
create index jobs_unpruned_index on jobs (unpruned_since) where unpruned_since is not null;
`);
  }
}
