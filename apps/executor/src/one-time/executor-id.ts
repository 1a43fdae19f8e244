import { hash } from 'node:crypto';

/** Names an executor on the bus, whatever characters the name of its process has: 24 hex digits. */
export function executorIdOf(instance: string): string {
  return hash('sha256', instance, 'hex').slice(0, 24);
}
