import type { ClientBase } from 'pg';
import type { StepErrorRow } from '../ports.js';
import { storableText } from './storable.js';

/** One statement carries this much JSON at most, in characters, however large the retry data of its errors are. */
const maxStatementLength = 4 * 1024 * 1024;
const maxStatementRows = 2_000;

/** Stores errors with their retry data and exchanges, each once per id. */
export async function insertErrors(client: ClientBase, errors: readonly StepErrorRow[]): Promise<void> {
  if (errors.length === 0) return;
  // By id, so that two transactions that carry the same errors take their locks in one order.
  const sorted = [...errors].sort((a, b) => (a.errorId < b.errorId ? -1 : 1));
  // All are sent before the first is answered, so that none is left to send when the transaction has failed.
  await Promise.all([...statements(sorted)].map((rows) => client.query(insertSql, [`[${rows.join()}]`])));
}

function* statements(errors: readonly StepErrorRow[]): Generator<string[]> {
  let rows: string[] = [];
  let length = 0;
  for (const error of errors) {
    const row = JSON.stringify(toRow(error));
    if (rows.length === maxStatementRows || (rows.length > 0 && length + row.length > maxStatementLength)) {
      yield rows;
      rows = [];
      length = 0;
    }
    rows.push(row);
    length += row.length;
  }
  if (rows.length > 0) yield rows;
}

const orNull = (text: string | null) => (text === null ? null : storableText(text));

function toRow(error: StepErrorRow) {
  return {
    error_id: error.errorId,
    account_id: error.accountId,
    flow_id: error.flowId,
    step_id: error.stepId,
    flow_job_id: error.flowJobId,
    occurred_at: error.occurredAt,
    source: storableText(error.source),
    code: storableText(error.code),
    message: storableText(error.message),
    classification: orNull(error.classification),
    classified_by: orNull(error.classifiedBy),
    trace_key: storableText(error.traceKey),
    export_data_uri: orNull(error.exportDataURI),
    import_data_uri: orNull(error.importDataURI),
    o_index: storableText(error.oIndex),
    retry_data_key: orNull(error.retryDataKey),
    retriable: error.retriable,
    req_and_res_key: orNull(error.reqAndResKey),
    trace_id: orNull(error.traceId),
    warning: error.warning,
    purge_at: error.purgeAt,
    // JSON within JSON: the text of a `json` column, which gives back even what `text` could not hold.
    retry_data: error.retryData === null ? null : JSON.stringify(error.retryData),
    exchange: error.exchange === null ? null : JSON.stringify(error.exchange),
  };
}

const insertSql = `
with given as materialized (
  select * from json_to_recordset($1::json) as given (
    error_id text, account_id text, flow_id text, step_id text, flow_job_id text, occurred_at timestamptz,
    source text, code text, message text, classification text, classified_by text, trace_key text,
    export_data_uri text, import_data_uri text, o_index text, retry_data_key text, retriable boolean,
    req_and_res_key text, trace_id text, warning boolean, purge_at timestamptz, retry_data text, exchange text
  )
),
stored as (
  insert into step_errors (
    error_id, account_id, flow_id, step_id, flow_job_id, occurred_at, source, code, message, classification,
    classified_by, trace_key, export_data_uri, import_data_uri, o_index, retry_data_key, retriable, req_and_res_key,
    trace_id, warning, purge_at
  )
  select
    error_id, account_id, flow_id, step_id, flow_job_id, occurred_at, source, code, message, classification,
    classified_by, trace_key, export_data_uri, import_data_uri, o_index, retry_data_key, retriable, req_and_res_key,
    trace_id, warning, purge_at
  from given
  order by error_id
  on conflict (error_id) do nothing
  returning error_id
),
stored_retry_data as (
  insert into retry_data (account_id, flow_id, step_id, key, data, purge_at)
  select account_id, flow_id, step_id, retry_data_key, retry_data::json, purge_at
  from given join stored using (error_id)
  where retry_data_key is not null and retry_data is not null
  on conflict (account_id, flow_id, step_id, key) do nothing
)
insert into http_exchanges (account_id, flow_id, step_id, key, exchange, purge_at)
select account_id, flow_id, step_id, req_and_res_key, exchange::json, purge_at
from given join stored using (error_id)
where req_and_res_key is not null and exchange is not null
on conflict (account_id, flow_id, step_id, key) do nothing`;
