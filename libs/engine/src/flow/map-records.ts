import type { LookupAnswer, LookupAnswers } from '../mapping/index.js';
import type { LookupQuestion } from '../program.js';
import { choose, lookupFailureOf, lookupsRead } from './choose.js';
import { failed, passedOver } from './settle-unit.js';
import { canceledCode, untouched, type StepPass, type Unit } from './units.js';

type Known = ReadonlyMap<string, LookupAnswer>;

/**
 * Chooses what to do with each record, and maps it. What that needs of dynamic lookups is asked for the whole page between
 * two tries: a try with answers missing shows which they are, so that nothing is asked that no record needs.
 */
export async function mapRecords(pass: StepPass, units: readonly Unit[]): Promise<void> {
  const known = new Map<Unit, Map<string, LookupAnswer>>();
  const attempt = new Attempt(pass);
  for (let waiting = units; waiting.length > 0;) {
    const missing = new Map<Unit, ReadonlySet<string>>();
    for (const unit of waiting) {
      const names = attempt.map(unit, known.get(unit));
      if (names !== null) missing.set(unit, names);
    }
    if (missing.size > 0) await ask(pass, missing, known);
    waiting = [...missing.keys()].filter(({ outcome }) => outcome === undefined);
  }
}

/** Stands for an answer that is not known yet: it keeps a try going, to see what else it needs. */
const pending: LookupAnswer = { matches: [null] };

/** Tries to map one record after the other. */
class Attempt {
  #known: Known | undefined;
  #missing: Set<string> | null = null;
  readonly #answers: LookupAnswers = (name) => {
    const answer = this.#known?.get(name);
    if (answer === undefined) (this.#missing ??= new Set()).add(name);
    return answer ?? pending;
  };

  constructor(private readonly pass: StepPass) {}

  /** @returns names of the lookups whose answers are missing, or null when the unit has what it needs */
  map(unit: Unit, known: Known | undefined): ReadonlySet<string> | null {
    this.#known = known;
    this.#missing = null;
    try {
      this.#map(unit);
    } catch (error) {
      const failure = lookupFailureOf(error);
      if (this.#missing === null) unit.outcome = failed(this.pass, unit, [failure]);
    }
    return this.#missing;
  }

  #map(unit: Unit): void {
    const { choices } = this.pass.details;
    if (choices !== undefined) {
      const choice = choose(choices, unit.input, this.#answers);
      // What is asked next depends on what is chosen.
      if (this.#missing !== null) return;
      if ('skip' in choice) {
        unit.outcome = passedOver(this.pass, unit);
        return;
      }
      unit.operation = choice.operation;
      unit.lookups = lookupsRead(choices, choice.operation, this.#answers);
    }
    const { map } = this.pass.instruction.step;
    if (map === undefined) return;
    const mapped = map(unit.input, this.pass.run, this.#answers, unit.operation);
    if (this.#missing !== null) return;
    if ('failure' in mapped) unit.outcome = failed(this.pass, unit, [mapped.failure]);
    else unit.mapped = mapped.value;
  }
}

async function ask(
  { effects, instruction, page }: StepPass,
  missing: ReadonlyMap<Unit, ReadonlySet<string>>,
  known: Map<Unit, Map<string, LookupAnswer>>,
): Promise<void> {
  if (effects.isCanceled()) {
    for (const unit of missing.keys()) unit.outcome = untouched;
    return;
  }
  const asked = [...missing].flatMap(([unit, names]) => [...names].map((lookup) => ({ unit, lookup })));
  const questions = asked.map(({ unit, lookup }): LookupQuestion => ({ lookup, record: unit.input }));
  const answers = await effects.resolveLookups(instruction.stepId, page, questions);
  const isCanceled = effects.isCanceled();
  asked.forEach(({ unit, lookup }, at) => {
    const answer = answers[at]!;
    if (isCanceled && 'failure' in answer && answer.failure.code === canceledCode) unit.outcome = untouched;
    const of = known.get(unit) ?? new Map<string, LookupAnswer>();
    known.set(unit, of.set(lookup, answer));
  });
}
