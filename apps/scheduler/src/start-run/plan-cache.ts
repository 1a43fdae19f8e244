import type { CompileFlow } from '#engine';
import type { Bus } from '#bus';
import { signals } from '#contracts';
import type { Documents } from '#store';
import type { Clock } from '#clock';
import { Recent } from '#lanes/recent';
import { DocumentReader } from '#store/document-reader';
import { documentsOf, readFlowDocuments, type FlowDocuments } from '#plans';
import { buildPlan, type PlanOutcome } from './plan.js';

interface Entry {
  readonly documents: FlowDocuments;
  /** Identity of every document with its last change: equal means that nothing was written. */
  readonly fingerprint: string;
  readonly ids: readonly string[];
  /** by selection of page generators */
  readonly outcomes: Map<string, PlanOutcome>;
  /** when the documents were asked for, which is before they were read */
  readonly readAtMs: number;
}

const maxFlows = 2_000;
const maxSelections = 50;

export interface PlanCacheOptions {
  readonly documents: Pick<Documents, 'getMany'>;
  readonly compile: CompileFlow;
  readonly clock: Clock;
  /** How long a plan is used without comparing it with its documents. */
  readonly freshMs: number;
}

/**
 * Plans of flows, kept as long as nothing that they are made of changes. A plan is used without a look at the database
 * when it was compared within `freshMs` and no `resource.changed` named one of its documents since; otherwise the
 * documents are read again (coalesced) and the plan is rebuilt only if one was written. A lost signal can therefore
 * make a run use a configuration that is at most `freshMs` old.
 */
export class PlanCache {
  readonly #options: PlanCacheOptions;
  readonly #reader: DocumentReader;
  readonly #entries = new Recent<Entry>(maxFlows);
  readonly #changedAtMs = new Recent<number>(100_000);
  readonly #loading = new Map<string, Promise<Entry | null>>();

  constructor(options: PlanCacheOptions) {
    this.#options = options;
    this.#reader = new DocumentReader(options.documents);
  }

  /** Listens for changes. @returns a function that stops it */
  follow(bus: Pick<Bus, 'onSignal'>): () => void {
    return bus.onSignal(signals.resourceChanged, (payload) => {
      const id = payload.split(' ')[2];
      if (id) this.#changedAtMs.set(id, this.#options.clock.now());
    });
  }

  /**
   * @param selection ids of page generators; null is all
   * @returns null when the account has no such flow
   */
  async plan(accountId: string, flowId: string, selection: readonly string[] | null): Promise<PlanOutcome | null> {
    const entry = await this.#entry(accountId, flowId);
    if (!entry) return null;
    const name = selection === null ? '' : JSON.stringify(selection);
    let outcome = entry.outcomes.get(name);
    if (!outcome) {
      outcome = buildPlan(entry.documents, selection, this.#options.compile);
      if (entry.outcomes.size >= maxSelections) entry.outcomes.clear();
      entry.outcomes.set(name, outcome);
    }
    return outcome;
  }

  /** Makes {@link plan} of this flow answer without waiting, in parallel with other work. */
  async prepare(accountId: string, flowId: string): Promise<void> {
    await this.#entry(accountId, flowId);
  }

  async #entry(accountId: string, flowId: string): Promise<Entry | null> {
    const key = `${accountId}/${flowId}`;
    const known = this.#entries.get(key);
    if (known && this.#isFresh(known)) return known;
    const joined = await this.#loading.get(key);
    // A load that began before a change was announced may have read the state before it.
    if (joined && this.#isFresh(joined)) return joined;
    const load = this.#loading.get(key) ?? this.#load(key, accountId, flowId, known);
    this.#loading.set(key, load);
    try {
      return await load;
    } finally {
      if (this.#loading.get(key) === load) this.#loading.delete(key);
    }
  }

  async #load(key: string, accountId: string, flowId: string, known: Entry | undefined): Promise<Entry | null> {
    const readAtMs = this.#options.clock.now();
    const documents = await readFlowDocuments(this.#reader, accountId, flowId);
    if (!documents) {
      this.#entries.delete(key);
      return null;
    }
    const all = documentsOf(documents);
    const fingerprint = all.map((d) => `${d._id}@${d.lastModified ?? ''}`).join(' ') + `!${documents.missing.join()}`;
    const isUnchanged = known?.fingerprint === fingerprint;
    const entry: Entry = isUnchanged
      ? { ...known, readAtMs }
      : { documents, fingerprint, ids: all.map((d) => d._id), outcomes: new Map(), readAtMs };
    this.#entries.set(key, entry);
    return entry;
  }

  #isFresh(entry: Entry): boolean {
    if (this.#options.clock.now() - entry.readAtMs >= this.#options.freshMs) return false;
    return entry.ids.every((id) => (this.#changedAtMs.get(id) ?? -1) < entry.readAtMs);
  }
}
