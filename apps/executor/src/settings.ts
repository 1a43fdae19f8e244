/** How an executor behaves; every figure has a default that suits one process per two cores. */
export interface ExecutorSettings {
  /** Stable name of this process, unique in the cluster. */
  readonly instance: string;
  /** worker threads */
  readonly workers: number;
  /** most page bundles leased at a time */
  readonly maxInFlight: number;
  /** most bytes (as they travel) of page bundles being worked on at a time (P5) */
  readonly maxInFlightBytes: number;
  /** most generator slices leased at a time */
  readonly maxGenerators: number;
  /** most page bundles of one run outstanding at a time */
  readonly window: number;
  /** most bytes (as JSON) of pages of one run outstanding at a time */
  readonly windowBytes: number;
  /** bytes of parsed pages (measured as JSON) that a worker keeps for messages it made */
  readonly residentBytes: number;
  /** milliseconds; leases are renewed at a third of it */
  readonly leaseMs: number;
  /** a message delivered more often becomes errors with retry data */
  readonly maxAttempts: number;
  /** CIDRs that flows may reach although private */
  readonly egressAllow: readonly string[];
  readonly filesystemRoot?: string;
  /** `MILLRACE_ENCRYPTION_KEYS` */
  readonly keyring?: string;
}

const megabyte = 1024 * 1024;

/** Fills in what is not given. */
export function executorSettings(
  given: Pick<ExecutorSettings, 'instance' | 'workers'> & Partial<ExecutorSettings>,
): ExecutorSettings {
  return {
    maxInFlight: 256,
    maxInFlightBytes: 32 * megabyte,
    maxGenerators: 64,
    window: 64,
    windowBytes: 24 * megabyte,
    residentBytes: 40 * megabyte,
    leaseMs: 10_000,
    maxAttempts: 20,
    egressAllow: [],
    ...given,
  };
}
