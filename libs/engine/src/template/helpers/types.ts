import type { JsonRecord } from '#model';
import type { RenderEnvironment, StaticLookups } from '../template.js';

/** A helper that computes a value from its arguments. Throws Error with a message for people when it cannot. */
export type ValueHelper = (...args: readonly unknown[]) => unknown;

/** A value helper that takes `name="value"` arguments. */
export type HashHelper = (hash: Readonly<Record<string, unknown>>, ...args: readonly unknown[]) => unknown;

/** What a template is rendered with. */
export interface RenderScope {
  readonly root: JsonRecord;
  readonly environment: RenderEnvironment;
  readonly staticLookups: StaticLookups;
}

/** A value helper that reads the rendering it is part of. */
export type ScopeHelper = (scope: RenderScope, ...args: readonly unknown[]) => unknown;

/** Decides which part of a block is rendered; undefined renders neither. In a sub-expression it gives its answer. */
export type ConditionHelper = (...args: readonly unknown[]) => boolean | undefined;
