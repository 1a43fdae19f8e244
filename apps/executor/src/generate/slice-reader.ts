import { hash } from 'node:crypto';
import { compressFromBytes, type GeneratorTotals } from '#contracts';
import { SourceError, type Clock, type SourceChunk } from '#connectors';
import type { CompiledGenerator, Functions, PageRecord, RawPage, RunContext, ShapedPage } from '#engine';
import type { Failure } from '#failures';
import type { JsonValue } from '#model';
import { startSpan } from '#telemetry/spans';
import { PageBuilder } from '../pages/built-page.js';
import { BundleEncoder, maxPageBytes } from '../pages/bundle-encoder.js';
import { ErrorEvents } from '../results/error-events.js';
import { bundleId } from '../work-ids.js';
import { CallLog, withCalls } from '../workers/call-log.js';
import { inIntegration, type LoadedPlan, type LoadedStep } from '../workers/loaded-plan.js';
import type { EncodedBundle, SliceResult, SliceTask } from '../workers/protocol.js';
import type { ResidentPages } from '../workers/resident-pages.js';
import type { LoadedRun } from '../workers/run-contexts.js';
import type { Source } from '#connectors';
import { decodeSliceStart, encodeSliceStart, startOfSource, type SliceStart } from './cursor-envelope.js';
import type { Cutter } from './cutter.js';
import { GroupCutter } from './group-cutter.js';
import { FileTrail } from './file-trail.js';
import { PageCutter } from './page-cutter.js';
import { sourceHooks } from './source-hooks.js';
import { SourceSession, type NextChunk, type SourceSessions } from './source-session.js';

export interface SliceReaderParts {
  readonly sessions: SourceSessions;
  readonly resident: ResidentPages;
  readonly clock: Clock;
  /** users' functions, of the run's plan */
  readonly functions: Functions;
}

/** Pages that take more plain bytes than this, and would be compressed, are worth a message of their own. */
const maxRunBytes = compressFromBytes;

const recordTooLarge = (bytes: number): Failure => ({
  code: 'record_too_large',
  message: `A record of ${bytes} bytes exceeds the limit of ${maxPageBytes}; the export goes on without it.`,
  source: 'internal',
  classification: 'too_large',
});

/**
 * Reads one slice of a generator: from its cursor on until there is enough to publish, the budget is used up, or the
 * source ends. Nothing is durable yet when it returns; the same slice may be read again.
 *
 * @throws ContractError when the message's body is unreadable
 */
export async function readSlice(
  task: SliceTask,
  loaded: LoadedPlan,
  run: LoadedRun,
  parts: SliceReaderParts,
): Promise<SliceResult> {
  return new SliceRead(task, loaded, run, parts).read();
}

class SliceRead {
  readonly #key: string;
  readonly #generator: CompiledGenerator;
  readonly #step: LoadedStep<Source>;
  readonly #errors: ErrorEvents;
  readonly #encoder: BundleEncoder;
  readonly #builder: PageBuilder | null;
  readonly #calls = new CallLog();
  /** what the pages were cut from, while they may yet turn out to be all there is of the run; else null */
  #raw: (readonly JsonValue[])[] | null;
  /** most records that a test export reads in all; null when it reads everything. Reference: runtime §3 */
  readonly #testLimit: number | null;
  readonly #before: GeneratorTotals;
  #nextPage: number;
  #ignored: number;
  #failed: number;
  /** why the source did not reach its end; reported with how far it came (decision 4) */
  #endFailure: Failure | null = null;
  /** records taken from the source over the whole generator */
  #read: number;

  constructor(
    private readonly task: SliceTask,
    loaded: LoadedPlan,
    private readonly run: LoadedRun,
    private readonly parts: SliceReaderParts,
  ) {
    const { header } = task;
    const generator = loaded.flow.generators.get(header.exportId);
    const step = loaded.sources.get(header.exportId);
    if (!generator || !step) throw new Error(`The plan ${loaded.planId} has no generator ${header.exportId}.`);
    this.#generator = generator;
    this.#step = step;
    this.#key = `${header.runId}/${header.ordinal}`;
    const place = { runId: header.runId, exportId: header.exportId, ordinal: header.ordinal };
    this.#errors = new ErrorEvents(place, () => new Date(parts.clock.now()).toISOString(), task.traceparent);
    this.#raw = header.slice === 0 && loaded.isStraight && step.port.isRepeatable === true ? [] : null;
    this.#before = header.totals;
    this.#nextPage = header.nextPage;
    this.#ignored = header.totals.ignored;
    this.#failed = header.totals.failed;
    const source = loaded.plan.exports[header.exportId];
    this.#testLimit = source?.type === 'test' ? (source.test?.limit ?? 1) : null;
    this.#read = header.totals.records + header.totals.ignored + header.totals.failed;
    const { runId, accountId, flowId, planId, exportId, ordinal } = header;
    this.#builder = PageBuilder.of(loaded, header.exportId);
    this.#encoder = new BundleEncoder(
      { v: 1, runId, accountId, flowId, planId, exportId, ordinal, position: loaded.flow.program.entry },
      parts.resident,
      (firstPage, _message, part) => bundleId(runId, ordinal, firstPage, part),
      (page, record) => this.#tooLargeAfterShaping(page, record.index, record.record),
    );
  }

  async read(): Promise<SliceResult> {
    const { task, run, parts } = this;
    const start = task.body === undefined ? startOfSource : decodeSliceStart(task.body);
    const context = run.contextOf(task.header.exportId, start.lastExportDateTime);
    const span = startSpan('millrace.source.read', {
      traceparent: task.traceparent,
      attributes: { 'millrace.step.id': this.#step.stepId, 'millrace.slice': task.header.slice },
    });
    try {
      return await withCalls(this.#calls, span.traceparent, async () => {
        const session =
          parts.sessions.take(this.#key, task.header.slice) ??
          new SourceSession(
            this.#step.port,
            {
              stepId: this.#step.stepId,
              connection: this.#step.connection,
              ...inIntegration(this.#step),
              run: context,
              settings: this.#step.settings,
              traceparent: span.traceparent,
              ...sourceHooks(this.#generator, context, parts.functions),
            },
            run.signal,
            createCutter(this.#generator, start.carried),
            createTrail(this.#generator, start),
            { slice: task.header.slice, cursor: start.cursor },
          );
        this.#read += session.cutter.carried.length;
        const end = await this.#readInto(session, context);
        span.set({ 'millrace.pages': this.#encoder.pages, 'millrace.records': this.#encoder.records });
        return this.#conclude(session, context, end);
      });
    } catch (error) {
      span.fail(error instanceof Error ? error.message : String(error));
      throw error;
    } finally {
      span.end();
    }
  }

  /** Reads until the slice is long enough; null means that there is more to read. */
  async #readInto(session: SourceSession, context: RunContext): Promise<SliceResult['end']> {
    const { budget } = this.task;
    const { clock } = this.parts;
    // From the first answer on: how long a source, or a permit to ask it, lets wait says nothing about how much there is.
    let deadline: number | null = null;
    let timer: AbortController | null = null;
    try {
      let timeIsUp: Promise<'time'> | null = null;
      for (;;) {
        if (this.run.isCanceled) return 'canceled';
        const pending = session.next();
        let next: NextChunk | 'time';
        if (this.#encoder.pages > 0) {
          timer ??= new AbortController();
          timeIsUp ??= clock.sleep(Math.max(0, (deadline ?? 0) - clock.now()), timer.signal).then(
            () => 'time' as const,
            () => 'time' as const,
          );
          // What can be published does not wait for a slow source; the response that is on its way belongs to the next slice.
          next = await Promise.race([pending, timeIsUp]);
        } else next = await pending;
        if (next === 'time') return null;
        session.consumed();
        deadline ??= clock.now() + budget.maxMs;
        const end = await this.#use(next, session, context);
        if (end !== null) return end;
        const isFull = this.#encoder.bytes >= budget.maxBytes || this.#encoder.messages >= budget.maxBundles;
        if (isFull || clock.now() >= deadline) return null;
      }
    } finally {
      timer?.abort();
    }
  }

  async #use(next: NextChunk, session: SourceSession, context: RunContext): Promise<SliceResult['end']> {
    if (next.kind === 'end') return 'complete';
    if (next.kind === 'error') return this.#failedToRead(next.error);
    const { chunk } = next;
    const { records, isLast } = this.#withinTestLimit(chunk);
    session.cursor = chunk.next;
    if (!isLast) void session.next();
    for (const failure of chunk.failures) this.#failUnread(failure);
    const hasCarried = session.cutter.carried.length > 0;
    session.files?.note(chunk, records);
    const cut = session.cutter.push(records, chunk.bytes, chunk.breaksGroup === true);
    for (const { bytes } of cut.tooLarge) this.#failUnread(recordTooLarge(bytes));
    // A page that is a response, from its first record to its last, has its text already.
    const isWhole =
      this.#generator.groupKey === undefined &&
      !hasCarried &&
      records === chunk.records &&
      cut.pages[0]?.length === records.length;
    for (const page of cut.pages) {
      const end = await this.#addPage(page, session.files, context, isWhole ? chunk.text : undefined);
      if (end === null) continue;
      session.cutter.discard();
      return end;
    }
    return isLast ? 'complete' : null;
  }

  #withinTestLimit(chunk: SourceChunk): { records: readonly JsonValue[]; isLast: boolean } {
    const left = this.#testLimit === null ? Infinity : Math.max(0, this.#testLimit - this.#read);
    const records = chunk.records.length > left ? chunk.records.slice(0, left) : chunk.records;
    this.#read += records.length + chunk.failures.length;
    return { records, isLast: chunk.next === null || (this.#testLimit !== null && this.#read >= this.#testLimit) };
  }

  #failedToRead(error: unknown): SliceResult['end'] {
    if (this.run.isCanceled) return 'canceled';
    const failure: Failure =
      error instanceof SourceError
        ? error.failure
        : {
            code: 'internal_error',
            message: error instanceof Error ? error.message : String(error),
            source: 'internal',
          };
    this.#endFailure = failure;
    return 'failed';
  }

  /**
   * @param text JSON of the raw records, if it is at hand
   * @returns how the generator ends with this page, if it does
   */
  async #addPage(
    raw: readonly JsonValue[],
    files: FileTrail | null,
    context: RunContext,
    text?: Uint8Array,
  ): Promise<SliceResult['end']> {
    const page = this.#nextPage;
    const fileMetas = files === null ? {} : { fileMetas: files.of(raw) };
    const shaped = await this.#shape({ index: page, records: raw, ...fileMetas }, context);
    if (shaped === null) return 'canceled';
    if (shaped.fatal !== undefined) {
      this.#endFailure = shaped.fatal;
      return 'failed';
    }
    this.#nextPage += 1;
    this.#ignored += shaped.ignored;
    for (const failure of shaped.failures) {
      if (failure.warning !== true) this.#failed += 1;
      this.#errors.addRecord(page, failure);
    }
    const isUnchanged = text !== undefined && shaped.records.length === raw.length && isPlain(shaped.records, raw);
    const built = this.#builder === null ? null : await this.#builder.build(shaped.records, context);
    this.#encoder.add({ page, records: shaped.records }, isUnchanged ? text : undefined, built);
    if (this.#encoder.bytes > maxRunBytes) this.#raw = null;
    this.#raw?.push(raw);
    return shaped.isLast === true ? 'complete' : null;
  }

  /** Waits only where users' functions take part. @returns null when a cancel came first */
  #shape(raw: RawPage, context: RunContext): ShapedPage | Promise<ShapedPage | null> {
    const shaped = this.#generator.shape(raw, context, this.parts.functions);
    if (!(shaped instanceof Promise)) return shaped;
    return shaped.catch((error: unknown) => {
      if (this.run.isCanceled) return null;
      throw error;
    });
  }

  /** Where the source ended without any failure and a few pages, these carry the digest of what it said. */
  #named(bundles: readonly EncodedBundle[], end: SliceResult['end']): readonly EncodedBundle[] {
    const [bundle, ...others] = bundles;
    if (!bundle || others.length > 0 || this.#raw === null || end !== 'complete' || this.#errors.count > 0)
      return bundles;
    const content = hash('sha256', JSON.stringify(this.#raw), 'hex').slice(0, 32);
    return [{ ...bundle, header: { ...bundle.header, content } }];
  }

  #tooLargeAfterShaping(page: number, index: number, record: JsonValue): void {
    this.#failed += 1;
    const { stepId } = this.#step;
    this.#errors.addRecord(page, {
      stepId,
      index,
      failure: recordTooLarge(Buffer.byteLength(JSON.stringify(record))),
      traceKey: '',
      retryRecord: null,
      stage: 'page_generator',
    });
  }

  /** A record that could not be read: named by how many failed before it, whatever slice reads it. */
  #failUnread(failure: Failure): void {
    this.#errors.addUnread(this.#failed, failure);
    this.#failed += 1;
  }

  async #conclude(session: SourceSession, context: RunContext, end: SliceResult['end']): Promise<SliceResult> {
    const { header } = this.task;
    if (end === 'canceled') {
      await session.close();
      for (const { id } of this.#encoder.finish()) this.parts.resident.forget(id);
      return {
        kind: 'slice',
        bundles: [],
        nextPage: header.nextPage,
        totals: header.totals,
        successor: null,
        end,
        errors: { events: [], blobs: [] },
        calls: this.#calls.stats(),
      };
    }
    if (end !== null) {
      void session.close();
      const last = session.cutter.flush();
      const endOfLast = last ? await this.#addPage(last, session.files, context) : null;
      if (endOfLast === 'canceled') return this.#conclude(session, context, 'canceled');
      if (endOfLast === 'failed') end = 'failed';
    }
    const bundles = this.#named(this.#encoder.finish(), end);
    if (this.#endFailure) {
      const { message } = this.#endFailure;
      const soFar = `${this.#before.pages + this.#encoder.pages} pages, ${this.#before.records + this.#encoder.records} records`;
      this.#errors.addGenerator('end', { ...this.#endFailure, message: `${message} (after ${soFar})` });
    }
    const totals: GeneratorTotals = {
      pages: this.#before.pages + this.#encoder.pages,
      records: this.#before.records + this.#encoder.records,
      ignored: this.#ignored,
      failed: this.#failed,
    };
    let successor: Uint8Array | null = null;
    if (end === null) {
      const { cursor } = session;
      // A chunk was read, or the slice would not have ended: its `next` is where to go on.
      successor = encodeSliceStart({
        cursor: cursor ?? {},
        lastExportDateTime: context.lastExportDateTime,
        carried: session.cutter.carried,
        files: session.files?.spansOf(session.cutter.carried) ?? [],
      });
      session.nextSlice = header.slice + 1;
      this.parts.sessions.keep(this.#key, session);
    }
    return {
      kind: 'slice',
      bundles,
      nextPage: this.#nextPage,
      totals,
      successor,
      end,
      errors: this.#errors.encode(),
      calls: this.#calls.stats(),
    };
  }
}

/** Whether shaping left all records as they were read, without names of their own. */
function isPlain(shaped: readonly PageRecord[], raw: readonly JsonValue[]): boolean {
  return shaped.every(({ record, traceKey }, at) => record === raw[at] && traceKey === undefined);
}

function createTrail({ seesFiles }: CompiledGenerator, { carried, files }: SliceStart): FileTrail | null {
  if (seesFiles !== true) return null;
  const trail = new FileTrail();
  trail.restore(carried, files);
  return trail;
}

function createCutter({ pageSize, groupKey }: CompiledGenerator, carried: readonly JsonValue[]): Cutter {
  const size = Math.max(1, pageSize);
  return groupKey === undefined
    ? new PageCutter(size, maxPageBytes, carried)
    : new GroupCutter(groupKey, size, maxPageBytes, carried);
}
