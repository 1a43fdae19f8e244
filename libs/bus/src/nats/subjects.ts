import type { QueueName } from '../bus.js';
import { allQueues } from '../queues.js';

/** A subject token may hold neither dots, blanks nor wildcards: everything but letters, digits, `-` and `_` is escaped. */
export function toToken(text: string): string {
  return encodeURIComponent(text).replace(/[.!~*'()]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

export function fromToken(token: string): string {
  return decodeURIComponent(token);
}

/**
 * The names of one bus on a NATS server. With a prefix, several buses share a server without seeing each other.
 */
export class Names {
  readonly workStream: string;
  readonly commandStream: string;
  readonly deadStream: string;
  readonly leaseBucket: string;
  readonly leaseStream: string;
  readonly #subjectPrefix: string;

  /** @param prefix letters, digits, `-`, `_`; empty for none */
  constructor(prefix: string) {
    if (!/^[A-Za-z0-9_-]*$/.test(prefix)) throw new TypeError(`The prefix ${JSON.stringify(prefix)} is not allowed.`);
    const stream = prefix === '' ? '' : `${prefix}_`;
    this.workStream = `${stream}WORK`;
    this.commandStream = `${stream}CMD`;
    this.deadStream = `${stream}DEAD`;
    this.leaseBucket = `${stream}LEASES`;
    this.leaseStream = `KV_${this.leaseBucket}`;
    this.#subjectPrefix = prefix === '' ? '' : `${prefix}.`;
  }

  streamOf(queue: QueueName): string {
    return queue.startsWith('work.') ? this.workStream : this.commandStream;
  }

  consumerOf(queue: QueueName): string {
    return queue.replaceAll('.', '-');
  }

  subject(queue: QueueName, key: string): string {
    return `${this.#subjectPrefix}${queue}.${toToken(key)}`;
  }

  /** Every message of a queue. */
  queueFilter(queue: QueueName): string {
    return `${this.#subjectPrefix}${queue}.*`;
  }

  /** The work of one run, over all work queues. */
  runFilter(runId: string): string {
    return `${this.#subjectPrefix}work.*.${toToken(runId)}`;
  }

  keyOf(queue: QueueName, subject: string): string {
    return fromToken(subject.slice(this.#subjectPrefix.length + queue.length + 1));
  }

  queueOf(subject: string): QueueName | null {
    const path = subject.slice(this.#subjectPrefix.length);
    return allQueues.find((queue) => path.startsWith(`${queue}.`)) ?? null;
  }

  deadSubject(id: string, queue: QueueName, key: string): string {
    return `${this.#subjectPrefix}dead.${toToken(id)}.${queue}.${toToken(key)}`;
  }

  deadFilter(id: string): string {
    return `${this.#subjectPrefix}dead.${toToken(id)}.>`;
  }

  parseDeadSubject(subject: string): { id: string; queue: string; key: string } {
    const [, id = '', ...rest] = subject.slice(this.#subjectPrefix.length).split('.');
    const key = rest.pop() ?? '';
    return { id: fromToken(id), queue: rest.join('.'), key: fromToken(key) };
  }

  /** Where a dead letter came from; its queue's name is what the letter says. */
  replaySubject(queue: string, key: string): string {
    return `${this.#subjectPrefix}${queue}.${toToken(key)}`;
  }

  leaseSubject(name: string): string {
    return `$KV.${this.leaseBucket}.${toToken(name)}`;
  }

  signalSubject(topic: string): string {
    return `${this.#subjectPrefix}signal.${toToken(topic)}`;
  }

  requestSubject(topic: string): string {
    return `${this.#subjectPrefix}request.${toToken(topic)}`;
  }

  offerSubject(topic: string): string {
    return `${this.#subjectPrefix}offer.${toToken(topic)}`;
  }

  /** Where a consumer takes messages that others were leased and that prefer it. */
  handOverSubject(queue: QueueName, consumerId: string): string {
    return `${this.#subjectPrefix}hand-over.${queue}.${toToken(consumerId)}`;
  }

  /** Where the consumers of a queue say that they are there. */
  presenceSubject(queue: QueueName): string {
    return `${this.#subjectPrefix}presence.${queue}`;
  }

  family(root: 'work' | 'cmd' | 'dead'): string {
    return `${this.#subjectPrefix}${root}.>`;
  }
}
