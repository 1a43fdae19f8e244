import { ConfigError } from './define.js';

/** The one place that reads the process environment. */
export function environment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}

/**
 * Runs a service's boot function; a wrong configuration prints every problem and ends the process with status 78
 * (EX_CONFIG of sysexits.h), before anything was connected to.
 */
export async function boot(start: () => Promise<void>): Promise<void> {
  try {
    await start();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(78);
  }
}
