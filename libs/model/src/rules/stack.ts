import type { Issues } from '../issue.js';
import { checkName, require, type Rules, textAt } from './rule.js';

const mustBeNamed = checkName(false);

/** Reference: resources §8. */
export const stackRules: Rules = (document, issues, context) => {
  mustBeNamed(document, issues, context);
  const type = textAt(document, 'type');
  if (type === 'server') {
    require(document, 'server.hostURI', issues);
    checkHost(textAt(document, 'server.hostURI') ?? '', issues);
  }
  if (type === 'lambda') {
    for (const field of ['accessKeyId', 'secretAccessKey', 'awsRegion', 'functionName']) {
      require(document, `lambda.${field}`, issues);
    }
  }
};

function checkHost(hostURI: string, issues: Issues): void {
  if (hostURI === '') return;
  const url = URL.canParse(hostURI) ? new URL(hostURI) : null;
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && url.username === '') return;
  issues.add('invalid_field_value', 'server.hostURI must be an absolute http or https address.', 'server.hostURI');
}
