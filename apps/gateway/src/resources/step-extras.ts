import { randomBytes } from 'node:crypto';
import type { JsonRecord, ResourceTypeName } from '#model';
import type { TypeExtras } from './type-extras.js';

/** Exports and imports carry an identifier for invocation by others, `e…` and `i…`. Reference: resources §4.2, §5.2. */
class StepExtras implements TypeExtras {
  constructor(
    readonly type: ResourceTypeName,
    private readonly prefix: string,
  ) {}

  stampNew(): JsonRecord {
    return { apiIdentifier: this.prefix + randomBytes(5).toString('hex') };
  }
}

export const exportExtras: TypeExtras = new StepExtras('exports', 'e');
export const importExtras: TypeExtras = new StepExtras('imports', 'i');
