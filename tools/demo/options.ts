import { parseArgs } from 'node:util';

export interface DemoOptions {
  readonly keep: boolean;
  /** An API that runs already (a cluster); absent: the demo starts Millrace itself. */
  readonly target?: { readonly url: string; readonly token: string };
}

const usage = `usage: bin/demo [--keep] [--url URL --token TOKEN]

  --keep         leave everything running; Ctrl-C ends it
  --url, --token run the same flow on a Millrace that runs already, for example the one of bin/cluster
`;

/** @returns null after printing the usage */
export function readOptions(args: readonly string[]): DemoOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      keep: { type: 'boolean', default: false },
      url: { type: 'string' },
      token: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help || (values.url === undefined) !== (values.token === undefined)) {
    process.stdout.write(usage);
    if (!values.help) process.exitCode = 2;
    return null;
  }
  return {
    keep: values.keep,
    ...(values.url !== undefined && values.token !== undefined
      ? { target: { url: values.url.replace(/\/$/, ''), token: values.token } }
      : {}),
  };
}
