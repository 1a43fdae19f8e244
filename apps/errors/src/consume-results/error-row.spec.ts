import type { ErrorEvent, PagesResult } from '#contracts';
import { describe, expect, it } from '@jest/globals';
import { toErrorRow } from './error-row.js';

const result: PagesResult = {
  v: 1,
  kind: 'pages',
  runId: '1'.repeat(24),
  accountId: '2'.repeat(24),
  flowId: '3'.repeat(24),
  resultId: 'r',
  ordinal: 0,
  position: 0,
  pages: 1,
  forked: 0,
  steps: [],
  errors: [],
};

const event = (change: Partial<ErrorEvent> = {}): ErrorEvent => ({
  stepId: '4'.repeat(24),
  errorId: '5'.repeat(24),
  page: 0,
  index: 3,
  failure: { code: '422', message: 'sku is unknown', source: 'application' },
  traceKey: '245',
  stage: 'page_processor_import',
  retryRecord: { id: 245 },
  occurredAt: '2026-03-14T15:09:26.535Z',
  ...change,
});

const row = (change: Partial<ErrorEvent> = {}) =>
  toErrorRow(event(change), { result, oIndex: 2, retentionMs: 30 * 86_400_000 });

/** Reference: errors §2. */
describe('a stored error', () => {
  it('says who, where, when and why', () => {
    expect(row()).toMatchObject({
      errorId: '5'.repeat(24),
      accountId: result.accountId,
      flowId: result.flowId,
      stepId: '4'.repeat(24),
      flowJobId: result.runId,
      occurredAt: '2026-03-14T15:09:26.535Z',
      purgeAt: '2026-04-13T15:09:26.535Z',
      source: 'application',
      code: '422',
      classification: 'value',
      classifiedBy: 'autopilot',
      oIndex: '2',
      warning: false,
    });
  });

  it('is the same row however often it is made', () => {
    expect(row()).toEqual(row());
  });

  it.each([
    ['a record', { retryRecord: { id: 245 } }, { data: { id: 245 }, stage: 'page_processor_import', traceKey: '245' }],
    [
      'a record with its link',
      { exportDataURI: 'https://crm/245' },
      { data: { id: 245 }, stage: 'page_processor_import', traceKey: '245', dataURI: 'https://crm/245' },
    ],
    ['a large record by reference', { retryRecord: null, retryBlob: 'retry/1/2' }, { blob: 'retry/1/2' }],
    ['a falsy record', { retryRecord: 0 }, { data: 0, stage: 'page_processor_import', traceKey: '245' }],
  ])('can be retried with %s', (_, change, retryData) => {
    expect(row(change)).toMatchObject({
      retriable: true,
      retryDataKey: expect.stringMatching(/^[0-9a-f]{32}$/),
      retryData,
    });
  });

  it('without a record has no retry data, and no key', () => {
    expect(row({ retryRecord: null })).toMatchObject({ retriable: false, retryDataKey: null, retryData: null });
  });

  it('names its HTTP exchange so that newer ones sort first', () => {
    const at = (occurredAt: string, exchange: Record<string, unknown>): string =>
      row({ occurredAt, failure: { ...event().failure, exchange } }).reqAndResKey ?? '';
    const older = at('2026-03-14T15:09:26.535Z', { method: 'post', status: 422 });
    const newer = at('2026-03-14T15:09:26.536Z', { method: 'GET' });
    expect(older).toMatch(/^\d{13}-[0-9a-f]{32}-422-POST$/);
    expect(newer).toMatch(/^\d{13}-[0-9a-f]{32}-0-GET$/);
    expect([older, newer].sort()).toEqual([newer, older]);
  });

  it('takes the status of the exchange into its classification', () => {
    const exchange = { method: 'GET', status: 503 };
    expect(row({ failure: { code: 'closed', message: '', source: 'application', exchange } }).classification).toBe(
      'intermittent',
    );
  });

  it('is unclassified by nobody', () => {
    const failure = { code: 'closed_salesorder', message: 'closed', source: 'post_map_hook' };
    expect(row({ failure })).toMatchObject({ classification: null, classifiedBy: null });
  });

  it('keeps texts within their limits', () => {
    const failure = { code: 'c'.repeat(1_000), message: 'm'.repeat(10_000), source: 'application' };
    const stored = row({ failure, traceKey: 't'.repeat(1_000) });
    expect([stored.code.length, stored.message.length, stored.traceKey.length]).toEqual([256, 4_096, 512]);
  });

  it('of an unknown source is internal', () => {
    expect(row({ failure: { ...event().failure, source: 'elsewhere' } }).source).toBe('internal');
  });

  it('of a step that its run does not know has no position', () => {
    expect(toErrorRow(event(), { result, oIndex: null, retentionMs: 1 }).oIndex).toBe('');
  });
});
