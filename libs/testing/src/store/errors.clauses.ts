import { describe, expect, it } from '@jest/globals';
import { newId } from '#model';
import type { StepErrorRow } from '#store';
import { Consumer, errorOf, startRun } from './builders.js';
import type { Stores } from './fixture.js';

export function errorClauses(stores: Stores): void {
  describe('step errors', () => {
    it('are listed as they were stored, without what their keys name', async () => {
      const run = await startRun(stores.store);
      const error = errorOf(run, {
        exportDataURI: 'https://source/1',
        importDataURI: 'https://target/1',
        retryDataKey: newId(),
        retriable: true,
        reqAndResKey: `5634326309435-${newId()}-422-POST`,
        traceId: '0af7651916cd43dd8448eb211c80319c',
        retryData: { data: { id: 1, odd: 'a\u0000b \uD83D' }, stage: 'page_processor_import', traceKey: 'order-1' },
        exchange: { request: { method: 'POST' }, response: { statusCode: 422 } },
      });
      await new Consumer(stores.store).apply({ errors: [error] });
      const { errors } = stores.other;
      expect(await errors.listOpen(run.accountId, run.flowId, run.importId, { limit: 10 })).toEqual({
        rows: [{ ...error, retryData: null, exchange: null }],
        more: false,
      });
      const at = [run.accountId, run.flowId, run.importId] as const;
      expect(await errors.retryData(...at, error.retryDataKey!)).toEqual(error.retryData);
      expect(await errors.exchange(...at, error.reqAndResKey!)).toEqual(error.exchange);
    });

    it('are stored once per id', async () => {
      const run = await startRun(stores.store);
      const [one, two] = [errorOf(run), errorOf(run)];
      const consumer = new Consumer(stores.store);
      await consumer.apply({ errors: [one, one] });
      await consumer.apply({ errors: [two, { ...one, message: 'changed' }] });
      const { rows } = await stores.store.errors.listOpen(run.accountId, run.flowId, run.importId, { limit: 10 });
      expect(new Map(rows.map(({ errorId, message }) => [errorId, message]))).toEqual(
        new Map([one, two].map(({ errorId, message }) => [errorId, message])),
      );
    });

    it('take texts that a database may refuse, and never stop the rest of the batch', async () => {
      const run = await startRun(stores.store);
      const odd = errorOf(run, { message: 'bad \u0000 byte and \uDC00', code: '\u0000', traceKey: '\uD800' });
      await new Consumer(stores.store).apply({ errors: [odd, errorOf(run)] });
      const { rows } = await stores.store.errors.listOpen(run.accountId, run.flowId, run.importId, { limit: 10 });
      expect(rows).toHaveLength(2);
      expect(rows.find(({ errorId }) => errorId === odd.errorId)).toMatchObject({
        message: 'bad \uFFFD byte and \uFFFD',
        code: '\uFFFD',
        traceKey: '\uFFFD',
      });
    });

    it('come newest first, page by page, none twice and none left out', async () => {
      const run = await startRun(stores.store);
      // Many share a millisecond, so that pages end between errors of the same time.
      const all = Array.from({ length: 25 }, (_, i) =>
        errorOf(run, { occurredAt: `2030-05-06T07:08:0${Math.floor(i / 10)}.000Z` }),
      );
      await new Consumer(stores.store).apply({ errors: all });
      const read: StepErrorRow[] = [];
      for (let after: StepErrorRow | undefined, more = true; more; after = read.at(-1)) {
        const page = await stores.store.errors.listOpen(run.accountId, run.flowId, run.importId, {
          limit: 7,
          ...(after && { after: { occurredAt: after.occurredAt, errorId: after.errorId } }),
        });
        read.push(...page.rows);
        more = page.more;
      }
      const newestFirst = [...all].sort((a, b) =>
        a.occurredAt === b.occurredAt ? (a.errorId < b.errorId ? 1 : -1) : a.occurredAt < b.occurredAt ? 1 : -1,
      );
      expect(read.map(({ errorId }) => errorId)).toEqual(newestFirst.map(({ errorId }) => errorId));
    });

    it('are filtered by time (inclusive), source, classification and run', async () => {
      const run = await startRun(stores.store);
      const second = '2030-05-06T07:08:10.000Z';
      const errors = {
        early: errorOf(run, { occurredAt: '2030-05-06T07:08:09.000Z' }),
        hook: errorOf(run, { occurredAt: second, source: 'pre_map_hook', classification: null }),
        late: errorOf(run, { occurredAt: '2030-05-06T07:08:11.000Z', flowJobId: newId(), classification: 'duplicate' }),
      };
      await new Consumer(stores.store).apply({ errors: Object.values(errors) });
      const find = async (query: object) => {
        const { rows } = await stores.store.errors.listOpen(run.accountId, run.flowId, run.importId, {
          limit: 10,
          ...query,
        });
        return rows.map(({ errorId }) => Object.entries(errors).find(([, error]) => error.errorId === errorId)?.[0]);
      };
      expect(await find({ occurredAt: { gte: second } })).toEqual(['late', 'hook']);
      expect(await find({ occurredAt: { lte: second } })).toEqual(['hook', 'early']);
      expect(await find({ occurredAt: { gte: second, lte: second } })).toEqual(['hook']);
      expect(await find({ source: 'pre_map_hook' })).toEqual(['hook']);
      expect(await find({ classification: 'duplicate' })).toEqual(['late']);
      expect(await find({ flowJobId: run.runId })).toEqual(['hook', 'early']);
    });

    it('are summed up per step; warnings do not count (decision 24)', async () => {
      const run = await startRun(stores.store);
      await new Consumer(stores.store).apply({
        errors: [
          errorOf(run, { occurredAt: '2030-05-06T07:08:09.001Z' }),
          errorOf(run, { occurredAt: '2030-05-06T07:08:09.002Z' }),
          errorOf(run, { stepId: run.exportId }),
          errorOf(run, { stepId: run.lookupId, warning: true }),
        ],
      });
      const summary = await stores.store.errors.summary(run.accountId, run.flowId);
      const byStep = new Map(summary.map(({ stepId, numError, lastErrorAt }) => [stepId, [numError, lastErrorAt]]));
      expect(byStep).toEqual(
        new Map([
          [run.importId, [2, '2030-05-06T07:08:09.002Z']],
          [run.exportId, [1, '2030-05-06T07:08:09.123Z']],
        ]),
      );
      const { rows } = await stores.store.errors.listOpen(run.accountId, run.flowId, run.lookupId, { limit: 10 });
      expect(rows).toMatchObject([{ warning: true }]);
    });

    it('are shown to no other account, flow or step', async () => {
      const run = await startRun(stores.store);
      const error = errorOf(run, {
        retryDataKey: 'key',
        reqAndResKey: 'key',
        retryData: { data: 1 },
        exchange: { a: 1 },
      });
      await new Consumer(stores.store).apply({ errors: [error] });
      const { errors } = stores.store;
      const { accountId, flowId, importId } = run;
      for (const at of [
        [newId(), flowId, importId],
        [accountId, newId(), importId],
        [accountId, flowId, newId()],
      ] as const) {
        expect((await errors.listOpen(...at, { limit: 10 })).rows).toEqual([]);
        expect(await errors.retryData(...at, 'key')).toBeNull();
        expect(await errors.exchange(...at, 'key')).toBeNull();
      }
      expect(await errors.summary(newId(), flowId)).toEqual([]);
      expect(await errors.retryData(accountId, flowId, importId, 'key')).toEqual({ data: 1 });
    });

    it('may carry more retry data than one statement holds', async () => {
      const run = await startRun(stores.store);
      const large = 'x'.repeat(3 * 1024 * 1024);
      const all = Array.from({ length: 4 }, (_, i) =>
        errorOf(run, { retryDataKey: `key-${i}`, retryData: { data: `${i}${large}` } }),
      );
      await new Consumer(stores.store).apply({ errors: all });
      for (const [i] of all.entries()) {
        const { accountId, flowId, importId } = run;
        const retryData = await stores.store.errors.retryData(accountId, flowId, importId, `key-${i}`);
        expect(retryData).toEqual({ data: `${i}${large}` });
      }
    });
  });
}
