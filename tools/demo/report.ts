/** Prints rows of two columns in a frame; `null` draws a line between groups. */
export function table(title: string, rows: readonly (readonly [string, string] | null)[]): string {
  const cells = rows.filter((row) => row !== null);
  const left = Math.max(...cells.map(([name]) => name.length));
  const right = Math.max(title.length - left - 3, ...cells.map(([, value]) => value.length));
  const line = `├─${'─'.repeat(left)}─┼─${'─'.repeat(right)}─┤`;
  return [
    `┌─${'─'.repeat(left + right + 3)}─┐`,
    `│ ${title.padEnd(left + right + 3)} │`,
    line.replace('┼', '┬'),
    ...rows.map((row) => (row === null ? line : `│ ${row[0].padEnd(left)} │ ${row[1].padStart(right)} │`)),
    `└─${'─'.repeat(left)}─┴─${'─'.repeat(right)}─┘`,
  ].join('\n');
}

export const number = (value: number): string => Math.round(value).toLocaleString('en-US');
