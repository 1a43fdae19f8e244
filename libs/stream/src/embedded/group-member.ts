import { randomInt } from 'node:crypto';
import { notificationChannel, type Session } from './session.js';

/**
 * Advisory locks have two 32-bit keys. The first says what is locked and for which group; groups are numbered from 1,
 * so the ranges do not meet.
 */
const memberLocks = 0x4d_53_00_00;
const partitionLocks = 0x4d_54_00_00;
const maxGroupId = 0xff_ff;

export interface Assignment {
  /** partitions that this member holds and should hold */
  readonly owned: readonly number[];
  /** partitions that should be another member's: stop reading, then {@link GroupMember.release} */
  readonly surplus: readonly number[];
}

/**
 * Shares the partitions of a topic among the members of a group. Every member holds a lock under a number of its own;
 * the sorted numbers are the list of members, the same for all. Partition p belongs to the member of rank p modulo the
 * count, which takes it by locking it: until the former owner has let go, or died, the lock is refused and tried again.
 */
export class GroupMember {
  readonly #session: Session;
  readonly #groupId: number;
  readonly #partitions: number;
  /** Locks are re-entrant within a session, so members in one process exclude each other here. */
  readonly #ownedInProcess: Set<string>;
  readonly #owned = new Set<number>();
  #memberNumber: number | null = null;

  constructor(options: { session: Session; groupId: number; partitions: number; ownedInProcess: Set<string> }) {
    if (options.groupId > maxGroupId) throw new RangeError(`Too many consumer groups: ${options.groupId}`);
    this.#session = options.session;
    this.#groupId = options.groupId;
    this.#partitions = options.partitions;
    this.#ownedInProcess = options.ownedInProcess;
  }

  /** What the other members are told after a change. */
  get changeNotice(): string {
    return `group:${this.#groupId}`;
  }

  /** The connection is gone, and with it everything that was held. */
  forget(): void {
    for (const partition of this.#owned) this.#ownedInProcess.delete(this.#name(partition));
    this.#owned.clear();
    this.#memberNumber = null;
  }

  /** Joins if needed, and claims the partitions that are this member's and free. */
  async claim(): Promise<Assignment> {
    if (this.#memberNumber === null) await this.#join();
    const due = await this.#duePartitions();
    for (const partition of due) {
      if (!this.#owned.has(partition)) await this.#lock(partition);
    }
    const held = [...this.#owned];
    return {
      owned: held.filter((partition) => due.has(partition)),
      surplus: held.filter((partition) => !due.has(partition)),
    };
  }

  /** Lets another member have the partition. */
  async release(partition: number): Promise<void> {
    if (!this.#owned.delete(partition)) return;
    this.#ownedInProcess.delete(this.#name(partition));
    await this.#session.query('select pg_advisory_unlock($1, $2)', [partitionLocks + this.#groupId, partition]);
    await this.#announce();
  }

  async leave(): Promise<void> {
    for (const partition of this.#owned) await this.release(partition);
    if (this.#memberNumber === null) return;
    const memberNumber = this.#memberNumber;
    this.#memberNumber = null;
    await this.#session.query('select pg_advisory_unlock($1, $2)', [memberLocks + this.#groupId, memberNumber]);
    await this.#announce();
  }

  async #join(): Promise<void> {
    for (;;) {
      const candidate = randomInt(1, 0x7f_ff_ff_ff);
      if (!(await this.#tryLock(memberLocks + this.#groupId, candidate))) continue;
      this.#memberNumber = candidate;
      return this.#announce();
    }
  }

  async #duePartitions(): Promise<Set<number>> {
    const rows = await this.#session.query<{ member: number }>(
      `select objid::int as member from pg_locks
       where locktype = 'advisory' and granted and objsubid = 2 and classid = $1
         and database = (select oid from pg_database where datname = current_database())
       order by member`,
      [memberLocks + this.#groupId],
    );
    const due = new Set<number>();
    const rank = rows.findIndex((row) => row.member === this.#memberNumber);
    if (rank === -1) return due;
    for (let partition = rank; partition < this.#partitions; partition += rows.length) due.add(partition);
    return due;
  }

  async #lock(partition: number): Promise<void> {
    const name = this.#name(partition);
    if (this.#ownedInProcess.has(name)) return;
    this.#ownedInProcess.add(name);
    try {
      if (await this.#tryLock(partitionLocks + this.#groupId, partition)) this.#owned.add(partition);
    } finally {
      if (!this.#owned.has(partition)) this.#ownedInProcess.delete(name);
    }
  }

  async #tryLock(first: number, second: number): Promise<boolean> {
    const rows = await this.#session.query<{ locked: boolean }>('select pg_try_advisory_lock($1, $2) as locked', [
      first,
      second,
    ]);
    return rows[0]?.locked === true;
  }

  async #announce(): Promise<void> {
    await this.#session.query('select pg_notify($1, $2)', [notificationChannel, this.changeNotice]);
  }

  #name(partition: number): string {
    return `${this.#groupId}/${partition}`;
  }
}
