import { type Classification, classifications } from '#failures';
import { classificationRules, type ClassificationRule, type RuleCondition } from './classification-rules.js';

/** The part of a failure that rules look at. */
export interface Classifiable {
  readonly code: string;
  readonly message: string;
  readonly source: string;
  /** Set by whoever knew better than the rules. */
  readonly classification?: string | undefined;
  /** HTTP status of the answer behind the failure, if any. */
  readonly status?: number | undefined;
}

const known: ReadonlySet<string> = new Set(classifications);

/** @returns null for an unclassified error */
export function classify(
  failure: Classifiable,
  rules: readonly ClassificationRule[] = classificationRules,
): Classification | null {
  if (failure.classification !== undefined && known.has(failure.classification)) {
    return failure.classification as Classification;
  }
  const status = statusOf(failure);
  return rules.find((rule) => applies(rule.when, failure, status))?.is ?? null;
}

function applies(when: RuleCondition, failure: Classifiable, status: number | null): boolean {
  if (when.codes && !when.codes.includes(failure.code)) return false;
  if (when.sources && !(when.sources as readonly string[]).includes(failure.source)) return false;
  if (when.statuses && (status === null || !when.statuses.some((range) => isWithin(status, range)))) return false;
  return !when.message || when.message.test(failure.message);
}

function isWithin(status: number, range: number | readonly [number, number]): boolean {
  return typeof range === 'number' ? status === range : status >= range[0] && status <= range[1];
}

/** Only a failing status says why something failed: a success path is also checked on 200 answers. */
function statusOf({ code, status }: Classifiable): number | null {
  if (/^[45]\d\d$/.test(code)) return Number(code);
  return status !== undefined && status >= 400 && status <= 599 ? status : null;
}
