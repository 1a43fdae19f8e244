import type { Issue, JsonRecord, ResourceTypeName } from '#model';
import type { StoredDocument } from '#store';
import type { Caller } from '../http/caller.js';
import type { Referred } from './references.js';

/** A valid document on its way into the store. */
export interface Incoming {
  readonly caller: Caller;
  readonly document: JsonRecord;
  /** What the client sent, with the members that are commands and never stored. */
  readonly body: JsonRecord;
  readonly referred: Referred;
  /** What a PUT replaces; null on create. */
  readonly previous: StoredDocument | null;
}

/** What one resource type does beyond the common rules. Each type's slice brings its own. */
export interface TypeExtras {
  readonly type: ResourceTypeName;
  /** Checks against other documents, or adjusts; its issues are answered with 422. */
  settle?(incoming: Incoming): Promise<{ readonly document: JsonRecord; readonly issues: readonly Issue[] }>;
  /** Fields the server gives a new document. */
  stampNew?(caller: Caller, document: JsonRecord, id: string): JsonRecord;
  /** After the document is stored. @returns members to add to the answer */
  created?(caller: Caller, stored: StoredDocument, body: JsonRecord): Promise<JsonRecord>;
  /** Before a PUT is stored. */
  replacing?(caller: Caller, id: string, document: JsonRecord): Promise<void>;
  /** After a PUT or POST is stored. */
  written?(caller: Caller, stored: StoredDocument): Promise<void>;
  /** Before a document is deleted. @throws ApiError when it must stay */
  removing?(caller: Caller, stored: StoredDocument): Promise<void>;
  /** What readers see, beyond masking. */
  present?(document: JsonRecord): JsonRecord;
}

export const TYPE_EXTRAS = Symbol('TypeExtras');
