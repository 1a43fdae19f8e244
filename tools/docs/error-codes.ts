import { registeredCodes } from '#failures';
// Each of these registers its codes when it is loaded.
import '#bus/failures';
import '#connectors/codes';
import '#engine/codes';
import '#sandbox/codes';
import '#store/codes';
import '#try-outs';
import '../../apps/executor/src/codes.js';
import '../../apps/gateway/src/codes.js';

const retries = {
  never: 'no',
  backoff: 'later',
  immediately: 'at once',
} as const;

/** The text of docs/errors.md: every registered code, by area. */
export function errorCodesPage(): string {
  const areas = Map.groupBy(registeredCodes(), (code) => code.area);
  const sections = [...areas].map(([area, codes]) => {
    const rows = codes.map(
      ({ code, http, retry, help }) => `| \`${code}\` | ${http ?? '–'} | ${retries[retry]} | ${help.replaceAll('|', '\\|')} |`,
    );
    return [`## ${area}`, '', '| Code | Status | Repeat | What it means and what to do |', '|---|---|---|---|', ...rows].join('\n');
  });
  return `${[
    '# Error codes',
    'Generated from the registry by `npm run docs`; a test fails when the two differ. Codes are stable and never reused.',
    'Every refusal of the API is `{"errors":[{"code","message","field"?}]}`; errors of records carry `code`, `message`, `source`\n' +
      'and `classification`. A code that is a number is the HTTP status of the application that answered; applications may\n' +
      'also send codes of their own.',
    ...sections,
  ].join('\n\n')}\n`;
}
