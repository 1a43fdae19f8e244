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
const sweepMs = 1_000;
/** Proxies close connections that stay silent. */
const heartbeatMs = 15_000;

/** Live progress of runs: `event: job`, `data:` the job with its children. */
@Injectable()
export class JobEvents implements OnModuleDestroy {
  readonly #streams = new Map<string, Set<Watch>>();
  readonly #unlisten: readonly (() => void)[];
  #open = 0;

  constructor(
    @Inject(GATEWAY_DEPS) private readonly deps: GatewayDeps,
    @Inject(JobService) private readonly jobs: JobService,
  ) {
    const poke = (payload: string): void => {
      for (const id of payload.split(' ')) for (const watch of this.#streams.get(id) ?? []) watch.poke();
    };
    this.#unlisten = [deps.bus.onSignal(signals.jobChanged, poke), deps.bus.onSignal(signals.jobFinal, poke)];
  }

  /**
   * Opens a stream. It ends with the event that carries the final status, or when the client leaves.
   *
   * @throws ApiError 404; 503 when this process serves as many streams as it may (P5)
   */
  async open(caller: Caller, id: string, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const job = await this.jobs.get(caller, id);
    if (this.#open >= (this.deps.config.maxEventStreams ?? 1_000)) {
      throw ApiError.of(apiCodes.unavailable, 'Too many event streams are open.');
    }
    const headers = Object.fromEntries(
      Object.entries(reply.getHeaders()).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    );
    reply.hijack();
    const stream = new EventStream(reply.raw, headers);
    const watch = new Watch(
      stream,
      () => this.jobs.get(caller, id),
      (error) => {
        this.deps.logger.warn({ error, jobId: id, requestId: request.id }, 'an event stream ended early');
      },
    );
    const watches = this.#streams.get(job._id) ?? new Set<Watch>();
    this.#streams.set(job._id, watches.add(watch));
    this.#open += 1;
    stream.onClose(() => {
      this.#open -= 1;
      watch.stop();
      watches.delete(watch);
      if (watches.size === 0) this.#streams.delete(job._id);
    });
    watch.start(job);
  }

  onModuleDestroy(): void {
    for (const unlisten of this.#unlisten) unlisten();
    for (const watches of this.#streams.values()) for (const watch of watches) watch.close();
  }
}

/** Follows one job for one stream. */
class Watch {
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
      setInterval(() => this.poke(), sweepMs).unref(),
      setInterval(() => this.stream.comment('still here'), heartbeatMs).unref(),
    ];
  }

  /** The job may have changed: looks, not more often than the gap allows. */
  poke(): void {
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
      this.#send(await this.load());
    } catch (error) {
      this.failed(error);
      this.close();
    } finally {
      this.#loading = false;
      if (this.#again) {
        this.#again = false;
        this.poke();
      }
    }
  }

  #send(job: Job): void {
    if (this.#stopped) return;
    const final = isFinal(job.status);
    // A slow reader misses steps in between, never the end.
    if (!final && this.stream.isCongested) return;
    const data = JSON.stringify(job);
    if (data !== this.#lastData || final) {
      this.#lastData = data;
      this.#lastSentMs = Date.now();
      this.stream.send('job', data);
    }
    if (final) this.close();
  }
}
