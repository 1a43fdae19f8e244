import type { Mapping1, Mapping1Field, TransformExpression } from '#model';

type Rules = NonNullable<TransformExpression['rules']>;

/**
 * Rules of transform 1.0 as a Mapper 1.0: both have dotted targets and bare paths. Targets with `[*]` become lists.
 * Reference: runtime §11.
 */
export function toMapping1(rules: Rules): Mapping1 {
  const fields: Mapping1Field[] = [];
  const lists = new Map<string, Mapping1Field[]>();
  for (const rule of rules.flat()) {
    if (rule.generate === undefined || rule.generate === '') continue;
    const extract = toBarePath(rule.extract ?? '');
    const star = rule.generate.lastIndexOf('[*]');
    if (star < 0) {
      fields.push({ extract, generate: rule.generate });
      continue;
    }
    const list = rule.generate.slice(0, star);
    const column = rule.generate.slice(star + 3).replace(/^\./, '');
    lists.set(list, [...(lists.get(list) ?? []), { extract, generate: column }]);
  }
  return { fields, lists: Array.from(lists, ([generate, columns]) => ({ generate, fields: columns })) };
}

/** `/Envelope/Body/id` is a path of element names. */
function toBarePath(extract: string): string {
  if (!extract.startsWith('/') || extract.includes('{{')) return extract;
  const names = extract.split('/').filter((name) => name !== '');
  return names.map((name) => `[${JSON.stringify(name)}]`).join('');
}
