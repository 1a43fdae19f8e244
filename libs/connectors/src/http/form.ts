import { asText } from '../as-text.js';

/**
 * A record as `application/x-www-form-urlencoded`; nested values in brackets, as most form parsers read them:
 * `{a:{b:[1]}}` is `a[b][0]=1`. Members that are null or undefined have no value.
 */
export function toForm(record: unknown): string {
  const pairs: string[] = [];
  append(pairs, '', record);
  return pairs.join('&');
}

function append(pairs: string[], name: string, value: unknown): void {
  if (Array.isArray(value)) {
    value.forEach((element, index) => append(pairs, name === '' ? String(index) : `${name}[${index}]`, element));
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) append(pairs, name === '' ? key : `${name}[${key}]`, inner);
  } else {
    const text = value === null || value === undefined ? '' : asText(value);
    pairs.push(`${encode(name)}=${encode(text)}`);
  }
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll('%20', '+');
}
