import { writeFileSync } from 'node:fs';
import { errorCodesPage } from './error-codes.js';

writeFileSync(new URL('../../../docs/errors.md', import.meta.url), errorCodesPage());
