import type { ISocketFactory, KafkaConfig } from 'kafkajs';
import type { PauseRange } from '../pauses.js';
import type { StreamLog } from '../stream-log.js';

export interface KafkaStreamOptions {
  /** `host:port` each */
  readonly brokers: readonly string[];
  readonly clientId?: string;
  readonly ssl?: KafkaConfig['ssl'];
  readonly sasl?: KafkaConfig['sasl'];
  /** Put before every topic's name, so that several installations share a cluster. Default none. */
  readonly topicPrefix?: string;
  /** Put before every group's name. Default none. */
  readonly groupPrefix?: string;
  /** Of topics that do not exist yet. Default 8. */
  readonly partitions?: number;
  /** Of topics that do not exist yet. Default: as the cluster is configured. */
  readonly replicationFactor?: number;
  /** A member that is silent for so long is dead, and its partitions move. Default 10 000; the broker allows 6 000 or more. */
  readonly sessionTimeoutMs?: number;
  /** Between two deliveries of a batch whose handler throws. Default 1 s … 30 s. */
  readonly redeliveryPauses?: PauseRange;
  /** Default silent. */
  readonly log?: StreamLog;
  /** How connections are opened, for proxies. */
  readonly socketFactory?: ISocketFactory;
}
