import type { z } from 'zod';
import { toIssues } from '#model';
import { invalid } from './refusals.js';

/** Validates a body that is no resource. @throws ApiError 422, all problems together */
export function parseBody<S extends z.ZodType>(schema: S, body: unknown): z.infer<S> {
  const parsed = schema.safeParse(body, { reportInput: true });
  if (!parsed.success) throw invalid(toIssues(parsed.error));
  return parsed.data;
}
