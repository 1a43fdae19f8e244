/** Strikes within the window after which a script is not run. */
export const quarantineStrikes = 2;

/** Remembers who brought a sandbox down, for a while. */
export class Strikes {
  readonly #times = new Map<string, number[]>();

  /** @param windowMs milliseconds for which a strike counts */
  constructor(
    private readonly windowMs: number,
    private readonly now: () => number = Date.now,
  ) {}

  /** @returns strikes within the window, this one included */
  add(scriptId: string): number {
    const recent = [...this.#recent(scriptId), this.now()];
    this.#times.set(scriptId, recent);
    return recent.length;
  }

  isOut(scriptId: string): boolean {
    return this.#recent(scriptId).length >= quarantineStrikes;
  }

  #recent(scriptId: string): number[] {
    const times = this.#times.get(scriptId);
    if (times === undefined) return [];
    const recent = times.filter((time) => this.now() - time < this.windowMs);
    if (recent.length === 0) this.#times.delete(scriptId);
    return recent;
  }
}
