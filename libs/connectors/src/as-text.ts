/** A JSON value as text: what is none is written as JSON, null as `null`, a text is itself. Reference: runtime §5. */
export function asText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
