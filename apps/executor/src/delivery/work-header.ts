import type { Delivery } from '#bus';
import { ContractError, workHeader } from '#contracts';
import type { z } from 'zod';

/** Header with the W3C trace context of a work message. */
export const traceHeader = 'traceparent';

/** @throws ContractError when the delivery's header is not what its queue carries */
export function readWorkHeader<S extends z.ZodType>(delivery: Delivery, schema: S): z.infer<S> {
  const text = delivery.headers[workHeader];
  if (text === undefined) throw new ContractError(`${delivery.queue}: no ${workHeader} header`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new ContractError(`${delivery.queue}: its ${workHeader} header is not JSON`, { cause });
  }
  const result = schema.safeParse(parsed);
  if (!result.success) throw new ContractError(`${delivery.queue}: ${result.error.message}`);
  return result.data;
}

export function workHeaders(header: object, traceparent: string | undefined): Record<string, string> {
  return { [workHeader]: JSON.stringify(header), ...(traceparent === undefined ? {} : { [traceHeader]: traceparent }) };
}
