import type { PageRecord } from '#engine';
import type { BuiltPage } from './built-page.js';

/** A page as steps see it. */
export interface ParsedPage {
  readonly page: number;
  readonly records: readonly PageRecord[];
}

/** A page of a message that this worker wrote, ready to go on. */
export type HeldPage = ParsedPage | BuiltPage;
