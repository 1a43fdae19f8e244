import type { BuiltRequests } from '#connectors';
import type { Effects, ImportOutcome, PageIdentity, PreparedRecord } from '#engine';

const notSent: ImportOutcome = {
  statusCode: 422,
  failures: [{ code: 'internal_error', message: 'The record was not among those that were sent.', source: 'internal' }],
};

/**
 * Effects of a page whose requests are sent: its import hears what came back for them. A cancel that came meanwhile changes
 * nothing until then, because what was sent counts (decision 6).
 */
export class AnsweredEffects implements Effects {
  readonly functions: Effects['functions'];
  readonly lookup: Effects['lookup'];
  readonly resolveLookups: Effects['resolveLookups'];
  readonly #outcomes = new Map<number, ImportOutcome>();
  #isTold = false;

  constructor(
    private readonly effects: Effects,
    requests: BuiltRequests,
    outcomes: readonly ImportOutcome[],
  ) {
    this.functions = effects.functions;
    this.lookup = effects.lookup.bind(effects);
    this.resolveLookups = effects.resolveLookups.bind(effects);
    const indices = requests.flatMap((request) => request.indices);
    indices.forEach((index, at) => this.#outcomes.set(index, outcomes[at]!));
  }

  isCanceled(): boolean {
    return this.#isTold && this.effects.isCanceled();
  }

  async submit(
    _stepId: string,
    _page: PageIdentity,
    records: readonly PreparedRecord[],
  ): Promise<readonly ImportOutcome[]> {
    this.#isTold = true;
    return records.map(({ index }) => this.#outcomes.get(index) ?? notSent);
  }
}
