import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { z } from 'zod';
import { runCancel } from './commands.js';
import { firstSlices, queuedRuns } from './offers.js';
import { oneTimeCallAnswer, oneTimeCallQuestion } from './one-time-calls.js';
import { stepResult } from './results.js';
import { streamLetter } from './stream-letter.js';
import {
  decodeTryOutHeader,
  decodeTryOutReply,
  decodeTryOutTask,
  encodeTryOut,
  encodeTryOutReply,
  type TryOutHeader,
  type TryOutTask,
} from './try-out.js';
import {
  decodePages,
  encodePages,
  generateBody,
  generateHeader,
  inflateBody,
  pageHeader,
  pageWorkHeader,
  type PageBody,
} from './work.js';

/**
 * Golden files are real documents of every version that may still sit in a queue. Code of today must read each of them
 * and write it back whole: a field that it dropped on the way would be lost silently, in the middle of an upgrade, from
 * work that an older process left behind. A file is deleted only when no queue can hold its version any more; a changed
 * message gets a new version and a new file.
 */
const folder = new URL('../golden/', import.meta.url);

interface WorkDocument {
  readonly header: unknown;
  readonly body: unknown;
}

/** By file name: reads the document and writes it again. */
const roundTrips: Readonly<Record<string, (document: unknown) => unknown>> = {
  'runs.queued.v1.json': (document) => throughBytes(queuedRuns, document),
  'first-slices.v1.json': (document) => throughBytes(firstSlices, document),
  'cmd.run.cancel.v1.json': (document) => throughBytes(runCancel, document),
  'one-time-call.v1.json': (document) => throughBytes(oneTimeCallQuestion, document),
  'one-time-call.answer.v1.json': (document) => throughBytes(oneTimeCallAnswer, document),
  'step-results.pages.v1.json': (document) => throughBytes(stepResult, document),
  'step-results.pages.routed.v1.json': (document) => throughBytes(stepResult, document),
  'step-results.generator.v1.json': (document) => throughBytes(stepResult, document),
  'step-results.finished.v1.json': (document) => throughBytes(stepResult, document),
  'try-out.read.v1.json': tryOut,
  'try-out.write.v1.json': tryOut,
  'try-out.lookup.v1.json': tryOut,
  'try-out.flow.v1.json': tryOut,
  'try-out.script.v1.json': tryOut,
  'try-out.template.v1.json': tryOut,
  'try-out.reply.read.v1.json': tryOutAnswer,
  'try-out.reply.write.v1.json': tryOutAnswer,
  'try-out.reply.lookup.v1.json': tryOutAnswer,
  'try-out.reply.flow.v1.json': tryOutAnswer,
  'try-out.reply.script.v1.json': tryOutAnswer,
  'try-out.reply.template.v1.json': tryOutAnswer,
  'try-out.reply.refused.v1.json': tryOutAnswer,
  'work.generate.slice.v1.json': generate,
  'work.generate.end.v1.json': generate,
  'work.generate.aggregate.v1.json': generate,
  'work.page.v1.json': page,
  'work.page.end.v1.json': page,
  'dead-letter.v1.json': (document) => throughBytes(streamLetter, document),
  'work.page.content.v1.json': page,
  'work.page.copy.v1.json': page,
  'work.page.outcome.v1.json': page,
  'work.page.results.v1.json': results,
};

function generate(document: unknown): unknown {
  const { header, body } = document as WorkDocument;
  return { header: generateHeader.parse(header), body: generateBody.parse(body) };
}

/** Its version is its header's. */
function tryOut(document: unknown): unknown {
  const { header, task } = document as { readonly header: TryOutHeader; readonly task: TryOutTask };
  const bytes = encodeTryOut(header, task);
  const read = decodeTryOutHeader(bytes);
  return { v: read.v, header: read, task: decodeTryOutTask(bytes) };
}

function tryOutAnswer(document: unknown): unknown {
  const reply = decodeTryOutReply(Buffer.from(JSON.stringify(document)));
  return JSON.parse(Buffer.from(encodeTryOutReply(reply)).toString('utf8'));
}

function results(document: unknown): unknown {
  const { header, body } = document as { readonly header: unknown; readonly body: string };
  return { header: pageWorkHeader.parse(header), body: inflateBody(Buffer.from(body), 'identity', body.length) };
}

function page(document: unknown): unknown {
  const { header, body } = document as WorkDocument;
  const { body: bytes, encoding } = encodePages(body as PageBody[]);
  return { header: pageHeader.parse(header), body: decodePages(bytes, encoding) };
}

function throughBytes<T>(
  contract: { encode(message: T): Uint8Array; decode(bytes: Uint8Array): T; readonly schema: z.ZodType },
  document: unknown,
): unknown {
  const message = contract.decode(Buffer.from(JSON.stringify(document)));
  return JSON.parse(Buffer.from(contract.encode(message)).toString('utf8'));
}

function read(file: string): unknown {
  return JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
}

describe('messages of earlier versions', () => {
  it('all have a golden file, and every golden file is tested', () => {
    expect(readdirSync(folder).sort()).toEqual(Object.keys(roundTrips).sort());
  });

  it.each(Object.keys(roundTrips))('%s is read and written back whole', (file) => {
    const document = read(file);
    expect(roundTrips[file]?.(document)).toEqual(document);
  });

  it.each(Object.keys(roundTrips).filter((file) => !file.startsWith('work.')))(
    '%s says which version it is',
    (file) => {
      expect(read(file)).toHaveProperty('v', Number(/\.v(\d+)\.json$/.exec(file)?.[1]));
    },
  );
});
