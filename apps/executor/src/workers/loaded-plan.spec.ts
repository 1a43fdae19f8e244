import { describe, expect, it } from '@jest/globals';
import type { ConnectorHost } from '#connectors';
import type { FlowPlan } from '#engine';
import { ids, linearEngine, TestApps, testKit, testPlan } from '../testing/test-flow.js';
import { loadPlan } from './loaded-plan.js';

const { adaptor } = new TestApps();
const kit = {
  ...testKit(new TestApps(), linearEngine),
  adaptorFor: () => ({ ...adaptor, createFlagWriter: () => ({ submit: async () => [] }) }),
};

type Change = (plan: FlowPlan) => FlowPlan;
const inFlow =
  (flow: Partial<FlowPlan['flow']>): Change =>
  (plan) => ({ ...plan, flow: { ...plan.flow, ...flow } });

describe('pages of a plan run straight to their end', () => {
  it.each<[string, boolean, Change]>([
    ['with one generator and one import', true, (plan) => plan],
    [
      'not with a second generator, which begins when the first is over',
      false,
      inFlow({ pageGenerators: [{ _exportId: ids.export }, { _exportId: ids.secondExport }] }),
    ],
    [
      'not with a second import, which they go on to',
      false,
      inFlow({
        pageProcessors: [
          { type: 'import', _importId: ids.import },
          { type: 'import', _importId: ids.secondImport },
        ],
      }),
    ],
    [
      'not with an export of type once, whose source would not hand over again what it was told of',
      false,
      (plan) => ({
        ...plan,
        exports: { ...plan.exports, [ids.export]: { ...plan.exports[ids.export]!, type: 'once' } },
      }),
    ],
    [
      'not with an import that is told of its files at the end of the run',
      false,
      (plan) => {
        const hooks = { postAggregate: { function: 'f', _scriptId: '5'.repeat(24) } };
        return { ...plan, imports: { ...plan.imports, [ids.import]: { ...plan.imports[ids.import]!, hooks } } };
      },
    ],
  ])('%s', (_when, isStraight, change) => {
    expect(loadPlan('plan', testPlan(change), kit, {} as ConnectorHost)).toMatchObject({ isStraight });
  });
});
