import type { z } from 'zod';

/**
 * A message that crosses a process boundary: its schema is the source, its type is inferred, and `golden/` keeps one
 * real document of every version that may still sit in a queue.
 */
export interface MessageContract<S extends z.ZodType> {
  readonly name: string;
  readonly version: number;
  readonly schema: S;
  encode(message: z.infer<S>): Uint8Array;
  /** @throws ContractError when the bytes are not such a message */
  decode(bytes: Uint8Array): z.infer<S>;
}

/** Bytes that are not the message they should be: a poison message, to be rejected, never retried. */
export class ContractError extends Error {
  override readonly name = 'ContractError';
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

export function defineMessage<S extends z.ZodType>(name: string, version: number, schema: S): MessageContract<S> {
  return {
    name,
    version,
    schema,
    encode: (message) => encoder.encode(JSON.stringify(message)),
    decode: (bytes) => {
      let parsed: unknown;
      try {
        parsed = JSON.parse(decoder.decode(bytes));
      } catch (cause) {
        throw new ContractError(`${name}: not JSON`, { cause });
      }
      const result = schema.safeParse(parsed);
      if (!result.success) throw new ContractError(`${name} v${version}: ${result.error.message}`);
      return result.data;
    },
  };
}
