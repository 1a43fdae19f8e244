import type { TemplateTarget } from './template.js';

/** Prints a value of a double-brace expression. */
export type Format = (value: unknown) => string;

/** As triple braces print: nothing for null and undefined, JavaScript's text for everything else. */
export const printRaw: Format = (value) => {
  if (typeof value === 'string') return value;
  // oxlint-disable-next-line typescript/no-base-to-string -- objects print as JavaScript does: the language says so
  return value === undefined || value === null ? '' : String(value);
};

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeXml(text: string): string {
  return /[&<>"']/.test(text) ? text.replace(/[&<>"']/g, (char) => entities[char] as string) : text;
}

/** Escapes for the inside of a JSON string; no outer quotes. */
export function escapeJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** Handlebars §2 and decision 36. Missing values print nothing everywhere. */
export const formats: Readonly<Record<TemplateTarget, Format>> = {
  uri: (value) => encodeURIComponent(printRaw(value)),
  sql: (value) => (value === undefined || value === null ? '' : `'${printRaw(value).replaceAll("'", "''")}'`),
  xml: (value) => escapeXml(printRaw(value)),
  json: (value) => escapeJson(printRaw(value)),
  text: printRaw,
  header: printRaw,
};
