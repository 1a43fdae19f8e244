import type { Failure } from '#failures';
import { isRecord } from '#model';
import type { FileText, PreParse } from '../program.js';
import { callFunction, invalidReturn, type UserFunction } from './user-function.js';

/** `preParse`: the text of a file before it is parsed. Reference: runtime §16. */
export function compilePreParse(hook: UserFunction): PreParse {
  return async ({ preParseData, fileMeta }, run, functions) => {
    const answer = await callFunction(hook, { preParseData, fileMeta }, run, functions);
    if ('failure' in answer) return answer;
    const { value } = answer;
    if (!isRecord(value) || typeof value.preParseData !== 'string' || !isRecord(value.fileMeta)) return refused(hook);
    return { preParseData: value.preParseData, fileMeta: value.fileMeta } satisfies FileText;
  };
}

function refused({ source }: UserFunction): { readonly failure: Failure } {
  const message = 'preParse must return an object of preParseData, a text, and fileMeta, an object.';
  return { failure: invalidReturn(source, message) };
}
