import type { JsonRecord } from '#model';
import type { RenderEnvironment, StaticLookups } from '../template.js';

/** A helper that computes a value from its arguments. Throws Error with a message for people when it cannot. */
export type ValueHelper = (...args: readonly unknown[]) => unknown;

/** A value helper that takes `name="value"` arguments. */
export type HashHelper = (hash: Readonly<Record<string, unknown>>, ...args: readonly unknown[]) => unknown;

/** What a template is rendered with at the moment; rendering is synchronous, so one state per template is enough. */
export interface RenderState {
  environment: RenderEnvironment;
  root: JsonRecord;
  readonly staticLookups: StaticLookups;
  /** UTF-16 code units that helpers produced in this rendering */
  producedText: number;
  /** turns of `each` and `filter` in this rendering */
  iterations: number;
}

/** A value helper that reads the rendering it is part of. */
export type StateHelper = (state: RenderState, ...args: readonly unknown[]) => unknown;

/** The two parts of a block, rendered on demand. In a sub-expression there is none. */
export interface BlockParts {
  readonly main?: (context: unknown, data?: Readonly<Record<string, unknown>>) => string;
  readonly otherwise?: (context: unknown) => string;
}

export interface BlockCall extends BlockParts {
  readonly context: unknown;
  readonly state: RenderState;
}

/** A block helper; in a sub-expression it gives its condition. */
export type BlockHelper = (call: BlockCall, ...args: readonly unknown[]) => unknown;
