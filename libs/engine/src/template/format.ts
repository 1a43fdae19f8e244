import type { TemplateTarget } from './template.js';
import { work } from './work.js';

/** How values print in a target. */
export interface TargetFormat {
  /** Prints a value of a double-brace expression. */
  readonly print: (value: unknown) => string;
  /** Units of work per character printed. */
  readonly unitsPerCharacter: number;
}

/** As triple braces print: nothing for null and undefined, JavaScript's text for everything else. */
export function printRaw(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'object':
      if (value === null) return '';
      return Array.isArray(value) ? printList(value) : '[object Object]';
    default:
      // oxlint-disable-next-line typescript/no-base-to-string -- objects are printed above
      return value === undefined ? '' : String(value);
  }
}

const unitsPerElement = 100;

function printList(values: readonly unknown[]): string {
  work.spend(values.length * unitsPerElement);
  return values.map(printRaw).join(',');
}

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

function printSql(value: unknown): string {
  return value === undefined || value === null ? '' : `'${printRaw(value).replaceAll("'", "''")}'`;
}

/** Handlebars §2 and decision 36. Missing values print nothing everywhere. */
export const formats: Readonly<Record<TemplateTarget, TargetFormat>> = {
  uri: { print: (value) => encodeURIComponent(printRaw(value)), unitsPerCharacter: 20 },
  sql: { print: printSql, unitsPerCharacter: 3 },
  xml: { print: (value) => escapeXml(printRaw(value)), unitsPerCharacter: 20 },
  json: { print: (value) => escapeJson(printRaw(value)), unitsPerCharacter: 3 },
  text: { print: printRaw, unitsPerCharacter: 1 },
  header: { print: printRaw, unitsPerCharacter: 1 },
};
