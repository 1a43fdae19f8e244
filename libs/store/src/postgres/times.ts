/** ISO 8601 with milliseconds. */
export const iso = (time: Date): string => time.toISOString();

export const isoOrNull = (time: Date | null | undefined): string | null => time?.toISOString() ?? null;

/** How long jobs are kept. Reference: resources §13 (`purgeAt`). */
export const jobRetentionMs = 30 * 24 * 60 * 60 * 1000;
