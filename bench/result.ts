/** One line of `--json` output; unknown fields are absent. `ratio` = value / baseline, larger is better. */
export interface BenchResult {
  readonly bench: string;
  readonly variant: string;
  readonly mode: 'cluster' | 'embedded' | 'bare' | 'in-process';
  readonly unit: string;
  readonly value: number;
  readonly baseline?: number;
  readonly ratio?: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  /** of Millrace's own processes */
  readonly cpuSecondsPerMillion?: number;
  /** the same with brokers and database */
  readonly cpuSecondsPerMillionWithBrokers?: number;
  /** the same by process */
  readonly cpuSecondsPerMillionByProcess?: Readonly<Record<string, number>>;
  /** milliseconds of CPU per unit of work, by process name: what a noisy machine leaves comparable */
  readonly cpuMsByProcess?: Readonly<Record<string, number>>;
  /** messages and transactions per unit of work */
  readonly countsEach?: Readonly<Record<string, number>>;
  /** by process name */
  readonly peakRssMb?: Readonly<Record<string, number>>;
  readonly lost?: number;
  readonly duplicates?: number;
}

export interface BenchOptions {
  /** smaller volumes, for a look; figures of record are made without */
  readonly quick: boolean;
  readonly mode: 'cluster' | 'embedded';
}

export type Scenario = (options: BenchOptions, emit: (result: BenchResult) => void) => Promise<void>;

export function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN;
}

export const round = (value: number, digits = 3): number => Number(value.toPrecision(digits + 1));
