import { Migration } from '@mikro-orm/migrations';

/** The tables of the first release. */
export class Migration001Initial extends Migration {
  override up(): void {
    for (const statements of [accounts, documents, jobs, ledger, errors]) this.addSql(statements);
  }
}

const accounts = `
create table users (
  id text not null primary key,
  name text not null,
  created_at timestamptz(3) not null default now()
);
create table accounts (
  id text not null primary key,
  name text not null constraint accounts_name_unique unique,
  owner_user_id text not null,
  created_at timestamptz(3) not null default now()
);
create table ashares (
  id text not null primary key,
  account_id text not null,
  user_id text not null,
  access_level text not null,
  created_at timestamptz(3) not null default now(),
  constraint ashares_user_account_unique unique (user_id, account_id)
);
create table access_tokens (
  id text not null primary key,
  account_id text not null,
  user_id text not null,
  sha256 text not null constraint access_tokens_sha256_unique unique,
  revoked boolean not null default false,
  expires_at timestamptz(3) null,
  full_access boolean not null,
  scopes jsonb not null,
  created_at timestamptz(3) not null default now()
);
create index access_tokens_account_id_index on access_tokens (account_id);
`;

const documents = `
create table documents (
  account_id text not null,
  type text not null,
  id text not null,
  doc json not null,
  created_at timestamptz(6) not null default clock_timestamp(),
  modified_at timestamptz(3) not null default now(),
  deleted_at timestamptz(3) null,
  primary key (account_id, type, id)
);
create index documents_list_index on documents (account_id, type, created_at, id) where deleted_at is null;
create index documents_doc_index on documents using gin ((doc::jsonb) jsonb_path_ops);
create index documents_schedulable_index on documents (created_at)
  where type = 'flows' and deleted_at is null
    and (jsonb_path_exists(doc::jsonb, '$.schedule') or jsonb_path_exists(doc::jsonb, '$.pageGenerators[*].schedule'));
create table change_counters (
  name text not null primary key,
  value bigint not null
);
`;

const jobs = `
create table jobs (
  id text not null primary key,
  account_id text not null,
  type text not null,
  integration_id text null,
  flow_id text not null,
  export_id text null,
  import_id text null,
  flow_job_id text null,
  o_index int null,
  status text not null,
  created_at timestamptz(3) not null,
  started_at timestamptz(3) null,
  ended_at timestamptz(3) null,
  last_modified timestamptz(3) not null,
  purge_at timestamptz(3) not null,
  num_error bigint not null default 0,
  num_resolved bigint not null default 0,
  num_open_error bigint not null default 0,
  num_success bigint not null default 0,
  num_ignore bigint not null default 0,
  num_export bigint not null default 0,
  num_pages_generated bigint not null default 0,
  num_pages_processed bigint not null default 0,
  done_exporting boolean not null default false,
  triggered_by text not null,
  user_id text null,
  canceled_by text null,
  canceled_at timestamptz(3) null,
  waiting_for text null,
  failure jsonb null,
  trace_id text null,
  request json not null,
  plan_id text null,
  max_concurrent_runs int not null default 1,
  followed_at timestamptz(3) null,
  ledger_pruned_at timestamptz(3) null
) with (fillfactor = 80);
create index jobs_unfinished_index on jobs (flow_id, created_at)
  where type = 'flow' and status in ('queued', 'running', 'retrying', 'canceling');
create index jobs_children_index on jobs (flow_job_id, o_index) where flow_job_id is not null;
create index jobs_list_index on jobs (account_id, created_at desc, id desc) where flow_job_id is null;
create index jobs_flow_index on jobs (account_id, flow_id, created_at desc, id desc) where flow_job_id is null;
create index jobs_integration_index on jobs (account_id, integration_id, created_at desc, id desc)
  where flow_job_id is null;
create index jobs_unfollowed_index on jobs (ended_at)
  where type = 'flow' and followed_at is null and (status in ('completed', 'failed', 'canceled'));
create index jobs_unpruned_index on jobs (ended_at)
  where type = 'flow' and ledger_pruned_at is null and (status in ('completed', 'failed', 'canceled'));
create table run_plans (
  id text not null primary key,
  account_id text not null,
  plan json not null,
  created_at timestamptz(3) not null default now()
);
create table firings (
  key text not null primary key,
  flow_id text not null,
  export_id text null,
  instant timestamptz(3) not null,
  outcome text not null,
  job_id text not null
);
create index firings_last_index on firings (flow_id, instant);
create table delta_checkpoints (
  flow_id text not null,
  export_id text not null,
  account_id text not null,
  reached_at timestamptz(3) not null,
  primary key (flow_id, export_id)
);
`;

const ledger = `
create table page_results (
  run_id text not null,
  result_id text not null,
  pages int not null,
  forked int not null,
  primary key (run_id, result_id)
);
create table generator_results (
  run_id text not null,
  ordinal int not null,
  export_id text not null,
  slice bigint not null,
  state text not null,
  pages bigint not null,
  records bigint not null,
  ignored bigint not null,
  failed bigint not null,
  failures bigint not null,
  primary key (run_id, ordinal)
);
create table consumer_positions (
  topic text not null,
  consumer_group text not null,
  partition int not null,
  next_offset bigint not null,
  primary key (topic, consumer_group, partition)
);
`;

const errors = `
create table step_errors (
  error_id text not null primary key,
  account_id text not null,
  flow_id text not null,
  step_id text not null,
  flow_job_id text not null,
  occurred_at timestamptz(3) not null,
  source text not null,
  code text not null,
  message text not null,
  classification text null,
  classified_by text null,
  trace_key text not null,
  export_data_uri text null,
  import_data_uri text null,
  o_index text not null,
  retry_data_key text null,
  retriable boolean not null,
  req_and_res_key text null,
  trace_id text null,
  warning boolean not null,
  purge_at timestamptz(3) not null,
  resolved_at timestamptz(3) null,
  resolved_by text null
);
create index step_errors_open_index on step_errors (account_id, flow_id, step_id, occurred_at desc, error_id desc)
  where resolved_at is null;
create index step_errors_job_index on step_errors (flow_job_id);
create index step_errors_purge_index on step_errors (purge_at);
create table retry_data (
  account_id text not null,
  flow_id text not null,
  step_id text not null,
  key text not null,
  data json not null,
  purge_at timestamptz(3) not null,
  primary key (account_id, flow_id, step_id, key)
);
create index retry_data_purge_index on retry_data (purge_at);
create table http_exchanges (
  account_id text not null,
  flow_id text not null,
  step_id text not null,
  key text not null,
  exchange json not null,
  purge_at timestamptz(3) not null,
  primary key (account_id, flow_id, step_id, key)
);
create index http_exchanges_purge_index on http_exchanges (purge_at);
`;
