import type { Clock } from '#connectors';
import { ApiError } from '#failures';
import {
  type Export,
  type Import,
  isId,
  type Issue,
  type JsonRecord,
  newId,
  parseResource,
  resourceTypes,
} from '#model';
import type { Documents, StoredDocument } from '#store';

type StepType = 'exports' | 'imports';
type Stored<T> = T & { readonly _id: string };
interface StepOf {
  readonly exports: Stored<Export>;
  readonly imports: Stored<Import>;
}

/** An export or import as a script names it. */
export type NamedStep = ({ readonly id: string } | { readonly definition: JsonRecord }) & {
  /** Of the connection that it goes through; absent: its own. */
  readonly connectionId?: string;
};

export interface NamedStepParts {
  readonly documents: Pick<Documents, 'getMany'>;
  readonly clock: Clock;
}

/** Registered by the gateway, which refuses the same. */
const notFoundCode = 'resource_not_found';

/** Finds the exports and imports that scripts name; one that is not stored as it is named passes what stored ones pass. */
export class NamedSteps {
  constructor(private readonly parts: NamedStepParts) {}

  /** @throws ApiError 404 for what the account does not have, 400 or 422 for what could not be stored either */
  async find<T extends StepType>(accountId: string, type: T, named: NamedStep): Promise<StepOf[T]> {
    const { connectionId } = named;
    const through = connectionId === undefined ? null : await this.#stored(accountId, 'connections', connectionId);
    if ('definition' in named) return this.#checked(accountId, type, named.definition, through);
    const document = await this.#stored(accountId, type, named.id);
    // What is stored was validated when it was written (parse at the edge, once).
    if (through === null) return document as unknown as StepOf[T];
    return this.#checked(accountId, type, document, through, named.id);
  }

  async #stored(accountId: string, type: StepType | 'connections', id: string): Promise<StoredDocument> {
    const [document] = isId(id) ? await this.parts.documents.getMany(accountId, type, [id]) : [];
    if (document) return document;
    throw new ApiError(404, [{ code: notFoundCode, message: `There is no ${type.slice(0, -1)} ${id}.` }]);
  }

  async #checked<T extends StepType>(
    accountId: string,
    type: T,
    given: JsonRecord,
    through: StoredDocument | null,
    _id = newId(this.parts.clock.now()),
  ): Promise<StepOf[T]> {
    const connection = through ?? (await this.#connectionOf(accountId, given));
    const connectionType = connection?.['type'];
    const parsed = parseResource(
      resourceTypes[type],
      { name: 'Unsaved', ...given, ...(through === null ? {} : { _connectionId: through._id }) },
      {
        mode: 'create',
        nowMs: this.parts.clock.now(),
        ...(typeof connectionType === 'string' ? { connectionType } : {}),
      },
    );
    if ('issues' in parsed) throw refusedDefinition(type, parsed.issues);
    return { ...parsed.document, _id } as unknown as StepOf[T];
  }

  async #connectionOf(accountId: string, { _connectionId }: JsonRecord): Promise<StoredDocument | undefined> {
    if (!isId(_connectionId)) return undefined;
    return (await this.parts.documents.getMany(accountId, 'connections', [_connectionId]))[0];
  }
}

/** Fields are named where they are in the argument. Reference: resources §1.3. */
function refusedDefinition(type: StepType, issues: readonly Issue[]): ApiError {
  const at = type.slice(0, -1);
  return new ApiError(
    issues.some(({ status }) => status === 400) ? 400 : 422,
    issues.map(({ code, message, field }) => ({ code, message, field: field === undefined ? at : `${at}.${field}` })),
  );
}
