import type { TryOutReply, TryOutTaskOf } from '#contracts';
import { compileTemplate } from '#engine/template/index';
import type { JsonRecord } from '#model';
import { reasonOf } from './reasons.js';
import type { TryOutContext } from './try-out-context.js';

/** A template over data of one's own: what `record`, `settings` and the like name is what the data says. */
export function renderTemplate(task: TryOutTaskOf<'template'>, { world }: TryOutContext): TryOutReply {
  const template = compileTemplate(task.template, { target: task.target, source: 'resource', purpose: 'text' });
  const text = template.render(task.data as JsonRecord, { nowMs: () => world.clock.now() });
  return typeof text === 'string'
    ? { v: 1, kind: 'template', text }
    : { v: 1, kind: 'template', error: reasonOf(text) };
}
