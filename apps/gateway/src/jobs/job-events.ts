import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { signals } from '#contracts';
import { ApiError } from '#failures';
import { isFinal, type Job } from '#model';
import { apiCodes } from '../codes.js';
import { GATEWAY_DEPS, type GatewayDeps } from '../deps.js';
import type { Caller } from '../http/caller.js';
import { EventStream } from './event-stream.js';
import { JobService } from './job.service.js';

/** At most four events a second and stream (decision 10). */
const minGapMs = 250;
/** Signals are best effort: a stream looks for itself this often. */
const sweepMs = 5_000;
/** Proxies close connections that stay silent. */
const heartbeatMs = 15_000;

/** Told by signals, which are hints: they may be lost, repeated, or early. */
interface JobListener {
  /** The job's row changed. */
  changed(): void;
  /** The job is final. */
  ended(): void;
}

/** Live progress of runs: `event: job`, `data:` the job with its children. */
@Injectable()
export class JobEvents implements OnModuleDestroy {
  readonly #listeners = new Map<string, Set<JobListener>>();
  readonly #unlisten: readonly (() => void)[];
  readonly #watches = new Set<Watch>();

  constructor(
    @Inject(GATEWAY_DEPS) private readonly deps: GatewayDeps,
    @Inject(JobService) private readonly jobs: JobService,
  ) {
    const tell = (what: keyof JobListener) => (payload: string) => {
      for (const id of payload.split(' ')) for (const listener of this.#listeners.get(id) ?? []) listener[what]();
    };
    this.#unlisten = [
      deps.bus.onSignal(signals.jobChanged, tell('changed')),
      deps.bus.onSignal(signals.jobFinal, tell('ended')),
    ];
  }

  /**
   * Opens a stream. It ends with the event that carries the final status, or when the client leaves.
   *
   * @throws ApiError 404; 503 when this process serves as many streams as it may (P5)
   */
  async open(caller: Caller, id: string, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    // Listens before it reads: what happens in between is not missed.
    const meanwhile = { happened: false, changed: noted, ended: noted };
    function noted(): void {
      meanwhile.happened = true;
    }
    const unlisten = this.#listen(id, meanwhile);
    try {
      const job = await this.jobs.get(caller, id);
      if (this.#watches.size >= (this.deps.config.maxEventStreams ?? 1_000)) {
        throw ApiError.of(apiCodes.unavailable, 'Too many event streams are open.');
      }
      const watch = this.#watch(caller, job, request, reply);
      if (meanwhile.happened) watch.ended();
    } finally {
      unlisten();
    }
  }

  #watch(caller: Caller, job: Job, request: FastifyRequest, reply: FastifyReply): Watch {
    const headers = Object.fromEntries(
      Object.entries(reply.getHeaders()).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    );
    reply.hijack();
    const stream = new EventStream(reply.raw, headers);
    const watch = new Watch(
      stream,
      () => this.jobs.get(caller, job._id),
      (error) => {
        this.deps.logger.warn({ error, jobId: job._id, requestId: request.id }, 'an event stream ended early');
      },
    );
    const unlisten = this.#listen(job._id, watch);
    this.#watches.add(watch);
    stream.onClose(() => {
      watch.stop();
      this.#watches.delete(watch);
      unlisten();
    });
    watch.start(job);
    return watch;
  }

  #listen(jobId: string, listener: JobListener): () => void {
    const listeners = this.#listeners.get(jobId) ?? new Set<JobListener>();
    this.#listeners.set(jobId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(jobId) === listeners) this.#listeners.delete(jobId);
    };
  }

  onModuleDestroy(): void {
    for (const unlisten of this.#unlisten) unlisten();
    for (const watch of this.#watches) watch.close();
  }
}

/** Follows one job for one stream. */
class Watch implements JobListener {
  #timers: NodeJS.Timeout[] = [];
  #pending: NodeJS.Timeout | null = null;
  #loading = false;
  #again = false;
  #lastSentMs = 0;
  #lastData = '';
  #stopped = false;

  constructor(
    private readonly stream: EventStream,
    private readonly load: () => Promise<Job>,
    private readonly failed: (error: unknown) => void,
  ) {}

  start(job: Job): void {
    this.#send(job);
    if (this.#stopped) return;
    this.#timers = [
      setInterval(() => this.changed(), sweepMs).unref(),
      setInterval(() => this.stream.comment('still here'), heartbeatMs).unref(),
    ];
  }

  /** Looks at once: the final event does not wait for the gap. */
  ended(): void {
    if (this.#stopped) return;
    if (this.#pending) clearTimeout(this.#pending);
    this.#pending = null;
    void this.#look();
  }

  /** Looks, not more often than the gap allows. */
  changed(): void {
    if (this.#stopped || this.#pending) return;
    const waitMs = Math.max(0, this.#lastSentMs + minGapMs - Date.now());
    this.#pending = setTimeout(() => {
      this.#pending = null;
      void this.#look();
    }, waitMs).unref();
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    if (this.#pending) clearTimeout(this.#pending);
  }

  close(): void {
    this.stop();
    this.stream.end();
  }

  async #look(): Promise<void> {
    if (this.#loading) {
      this.#again = true;
      return;
    }
    this.#loading = true;
    try {
      do {
        this.#again = false;
        this.#send(await this.load());
      } while (this.#again && !this.#stopped);
    } catch (error) {
      this.failed(error);
      this.close();
    } finally {
      this.#loading = false;
    }
  }

  #send(job: Job): void {
    if (this.#stopped) return;
    const final = isFinal(job.status);
    const isEarly = Date.now() - this.#lastSentMs < minGapMs;
    if (!final && isEarly) return this.changed();
    // A slow reader misses steps in between, never the end.
    if (!final && this.stream.isCongested) return;
    const data = JSON.stringify(job);
    if (final) {
      this.stop();
      this.stream.sendLast('job', data);
      return;
    }
    if (data === this.#lastData) return;
    this.#lastData = data;
    this.#lastSentMs = Date.now();
    this.stream.send('job', data);
  }
}
