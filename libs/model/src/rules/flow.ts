import { isCron, parseCron } from '../cron.js';
import type { Issues } from '../issue.js';
import { countCopies, maxBranches, maxCopiesOfRecord, orderRouters } from '../router-graph.js';
import { checkDebugWindow, checkName, elementsAt, isSet, type Rules, textAt } from './rule.js';

const mustBeNamed = checkName(true);

/** Reference: resources §3. */
export const flowRules: Rules = (document, issues, context) => {
  mustBeNamed(document, issues, context);
  checkSchedule(document['schedule'], 'schedule', issues);
  checkTimezone(document['timezone'], issues);
  elementsAt(document, 'pageGenerators').forEach((generator, i) => {
    checkSchedule(generator['schedule'], `pageGenerators[${i}].schedule`, issues);
    if (generator['setupInProgress'] !== true && !isSet(generator, '_exportId')) {
      missing(`pageGenerators[${i}]._exportId`, issues);
    }
  });
  checkProcessors(document, 'pageProcessors', '', issues);
  if (elementsAt(document, 'pageProcessors').length > 0 && elementsAt(document, 'routers').length > 0) {
    issues.add('invalid_field', 'A flow has either pageProcessors or routers, not both.', 'routers');
  }
  if (document['isAbstract'] === true && elementsAt(document, 'pageProcessors').length > 0) {
    issues.add('invalid_field', 'An abstract flow has routers, not pageProcessors.', 'pageProcessors');
  }
  checkRouters(document, issues);
  checkDebugWindow(document, 'logging.debugUntil', issues, context.nowMs);
};

function checkSchedule(schedule: unknown, field: string, issues: Issues): void {
  if (typeof schedule !== 'string' || schedule === '') return;
  const parsed = parseCron(schedule);
  if (!isCron(parsed)) issues.add(parsed.code, parsed.message, field);
}

function checkTimezone(timezone: unknown, issues: Issues): void {
  if (typeof timezone !== 'string' || timezone === '') return;
  try {
    Intl.DateTimeFormat('en', { timeZone: timezone });
  } catch {
    issues.add('invalid_field_value', `"${timezone.slice(0, 100)}" is no IANA time zone.`, 'timezone');
  }
}

function checkProcessors(owner: unknown, path: string, prefix: string, issues: Issues): void {
  elementsAt(owner, path).forEach((processor, i) => {
    const type = textAt(processor, 'type');
    const field = type === 'export' ? '_exportId' : '_importId';
    if (type !== undefined && processor['setupInProgress'] !== true && !isSet(processor, field)) {
      missing(`${prefix}${path}[${i}].${field}`, issues);
    }
  });
}

/**
 * Ids are unique, branches lead to routers of this flow, no way leads back, and copies stay countable. Routers that no
 * branch leads to are kept: a flow may be under construction. Reference: resources §3.5.
 */
function checkRouters(document: Readonly<Record<string, unknown>>, issues: Issues): void {
  const routers = elementsAt(document, 'routers');
  const ids = new Set<string>();
  routers.forEach((router, i) => {
    const id = textAt(router, 'id');
    if (id === undefined) return;
    if (ids.has(id)) issues.add('invalid_field_value', `Two routers have the id ${id}.`, `routers[${i}].id`);
    ids.add(id);
  });
  routers.forEach((router, i) => {
    elementsAt(router, 'branches').forEach((branch, j) => {
      const field = `routers[${i}].branches[${j}]`;
      if (branch['name'] === '') missing(`${field}.name`, issues);
      const target = textAt(branch, 'nextRouterId');
      if (target !== undefined && target !== '' && !ids.has(target)) {
        issues.add('invalid_field_value', 'Invalid nextRouterId is defined on the branch.', `${field}.nextRouterId`);
      }
      checkProcessors(branch, 'pageProcessors', `${field}.`, issues);
    });
  });
  checkGraph(routers, issues);
}

function checkGraph(documents: readonly unknown[], issues: Issues): void {
  const routers = documents.flatMap((document) => {
    const id = textAt(document, 'id');
    if (id === undefined) return [];
    const branches = elementsAt(document, 'branches').map((branch) => ({
      nextRouterId: textAt(branch, 'nextRouterId'),
    }));
    return { id, routeRecordsTo: textAt(document, 'routeRecordsTo'), branches };
  });
  const branches = routers.reduce((sum, router) => sum + Math.max(1, router.branches.length), 0);
  if (branches > maxBranches) {
    issues.add('invalid_flow', `The routers of a flow have at most ${maxBranches} branches in all.`, 'routers');
    return;
  }
  const ordered = orderRouters(routers);
  if (ordered === null) {
    issues.add('invalid_flow', 'The routers of a flow must not lead back to themselves.', 'routers');
    return;
  }
  const most = Math.max(1, ...countCopies(ordered).values());
  if (most > maxCopiesOfRecord) {
    const message = `Routers may make at most ${maxCopiesOfRecord} copies of a record; these could make ${most}.`;
    issues.add('invalid_flow', message, 'routers');
  }
}

function missing(field: string, issues: Issues): void {
  issues.add('missing_required_field', `Expected field: ${field} to be present.`, field);
}
