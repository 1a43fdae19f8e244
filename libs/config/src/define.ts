import { z } from 'zod';

/** One concern's settings: environment names with schema, default, unit and meaning on consecutive lines. */
export interface ConfigSection<S extends z.ZodRawShape> {
  readonly name: string;
  readonly schema: z.ZodObject<S>;
}

/** A setting that is wrong; the value itself is never shown, it may be a secret. */
export interface ConfigProblem {
  readonly name: string;
  readonly message: string;
}

/** Every problem of every section at once, so that a wrong deployment is mended in one go. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly problems: readonly ConfigProblem[]) {
    super(['The configuration is not valid:', ...problems.map((p) => `  ${p.name}: ${p.message}`)].join('\n'));
  }
}

export function defineConfig<S extends z.ZodRawShape>(name: string, shape: S): ConfigSection<S> {
  return { name, schema: z.object(shape) };
}

type Values<T extends Readonly<Record<string, ConfigSection<z.ZodRawShape>>>> = {
  readonly [K in keyof T]: z.infer<T[K]['schema']>;
};

/**
 * Reads the sections from an environment. An empty variable counts as unset.
 *
 * @throws ConfigError with all problems
 */
export function loadConfig<T extends Readonly<Record<string, ConfigSection<z.ZodRawShape>>>>(
  sections: T,
  env: Readonly<Record<string, string | undefined>>,
): Values<T> {
  const problems: ConfigProblem[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, section] of Object.entries(sections)) {
    const given: Record<string, string> = {};
    for (const variable of Object.keys(section.schema.shape)) {
      const value = env[variable];
      if (value !== undefined && value !== '') given[variable] = value;
    }
    const result = section.schema.safeParse(given);
    if (result.success) values[key] = result.data;
    else problems.push(...result.error.issues.map((i) => ({ name: i.path.join('.'), message: i.message })));
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return values as Values<T>;
}
