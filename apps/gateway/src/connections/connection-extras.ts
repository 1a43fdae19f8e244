import { Inject, Injectable } from '@nestjs/common';
import { isId, type Issue, type JsonRecord } from '#model';
import type { StoredDocument } from '#store';
import type { Caller } from '../http/caller.js';
import { RegistrationService } from '../integrations/registration.service.js';
import { DocumentReader } from '#store/document-reader';
import type { Incoming, TypeExtras } from '../resources/type-extras.js';
import { withManagedConcurrency } from './concurrency.js';
import { readRegistrations } from './integration-registrations.js';

/** Rules of connections that need other documents. Reference: resources §6. */
@Injectable()
export class ConnectionExtras implements TypeExtras {
  readonly type = 'connections';

  constructor(
    @Inject(DocumentReader) private readonly reader: DocumentReader,
    @Inject(RegistrationService) private readonly registrations: RegistrationService,
  ) {}

  async settle(incoming: Incoming): Promise<{ document: JsonRecord; issues: readonly Issue[] }> {
    const { caller, body, document, previous } = incoming;
    if (!previous) {
      await readRegistrations(body, (ids) => this.reader.getMany(caller.accountId, 'integrations', ids));
    }
    return { document: withManagedConcurrency(document, previous), issues: borrowIssues(incoming) };
  }

  /** `__integrationIds` registers the new connection; what failed is listed in the answer. */
  async created(caller: Caller, stored: StoredDocument, body: JsonRecord): Promise<JsonRecord> {
    const ids = Array.isArray(body['__integrationIds']) ? body['__integrationIds'].filter(isId) : [];
    const failed: string[] = [];
    for (const id of ids) {
      if (!(await this.registrations.register(caller.accountId, id, [stored._id]))) failed.push(id);
    }
    return failed.length === 0 ? {} : { __failedIntegrationRegistrations: failed };
  }

  /** What the platform knows about a connection now. */
  present(document: JsonRecord): JsonRecord {
    return { offline: false, ...document };
  }
}

/** Concurrency is borrowed over one level only: a lender may not borrow. Reference: resources §6.2. */
function borrowIssues({ document, referred, previous }: Incoming): Issue[] {
  const field = '_borrowConcurrencyFromConnectionId';
  const lenderId = document[field];
  if (typeof lenderId !== 'string') return [];
  const lender = referred.connections?.get(lenderId);
  if (lenderId !== previous?._id && lender?.[field] === undefined) return [];
  return [{ code: 'invalid_ref', message: 'A connection that borrows its concurrency cannot lend it.', field }];
}
