import { defineEntity, p } from '@mikro-orm/core';

/** One row per delivery whose result was counted: what makes counts exact under redelivery (P3). */
export const PageResult = defineEntity({
  name: 'PageResult',
  tableName: 'page_results',
  properties: {
    runId: p.text().primary(),
    resultId: p.text().primary(),
    pages: p.integer(),
    forked: p.integer(),
  },
});

/** Where each generator of a run stands. */
export const GeneratorHead = defineEntity({
  name: 'GeneratorHead',
  tableName: 'generator_results',
  properties: {
    runId: p.text().primary(),
    ordinal: p.integer().primary(),
    exportId: p.text(),
    slice: p.bigint('number'),
    state: p.text().$type<'reading' | 'done' | 'failed' | 'canceled'>(),
    pages: p.bigint('number'),
    records: p.bigint('number'),
    ignored: p.bigint('number'),
    failed: p.bigint('number'),
    /** Failures that belong to no record; added up over slices. */
    failures: p.bigint('number'),
  },
});

/** How far a consumer group has come in a partition; moves in the transaction of its effects. */
export const ConsumerPosition = defineEntity({
  name: 'ConsumerPosition',
  tableName: 'consumer_positions',
  properties: {
    topic: p.text().primary(),
    consumerGroup: p.text().primary(),
    partition: p.integer().primary(),
    nextOffset: p.bigint('bigint'),
  },
});
