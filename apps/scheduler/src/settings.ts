/** Timings and bounds of a scheduler; tests and operators may change them. */
export interface SchedulerSettings {
  /** A leader that died is succeeded after this long. */
  readonly leaseTtlMs: number;
  /** How often sweeps make up for lost hints and commands. */
  readonly sweepMs: number;
  /** How often the version of the flows is asked for. */
  readonly flowPollMs: number;
  /** Firings missed for at most this long are made up for by a new leader; older ones are skipped and logged. */
  readonly catchUpMs: number;
  /** A plan that was compared with its documents this recently is used without asking again. */
  readonly planFreshMs: number;
  /** Shortest time between two completion checks of one run. */
  readonly checkIntervalMs: number;
  /** How often executors are told that a run was canceled (decision 6: within 2 s). */
  readonly cancelRepeatMs: number;
  /** Shortest time between two looks for what follows the runs that ended. */
  readonly followSpacingMs: number;
  /** Announced runs being started at a time. */
  readonly startsInFlight: number;
  /** Runs being canceled at a time by this process. */
  readonly cancelsInFlight: number;
  /** Firings stored at a time. */
  readonly firingsInFlight: number;
}

export const defaultSettings: SchedulerSettings = {
  leaseTtlMs: 5_000,
  sweepMs: 1_000,
  flowPollMs: 1_000,
  catchUpMs: 60_000,
  planFreshMs: 10_000,
  checkIntervalMs: 50,
  cancelRepeatMs: 500,
  followSpacingMs: 50,
  startsInFlight: 512,
  cancelsInFlight: 1_000,
  firingsInFlight: 64,
};
