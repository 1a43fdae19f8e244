import { monitorEventLoopDelay } from 'node:perf_hooks';
import { gauge } from './metrics.js';

const nanosPerMs = 1_000_000;

/** Event-loop delay, memory and CPU of this process; the delay's window is the time since the last scrape. */
export function registerProcessMetrics(): void {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  gauge('millrace.event_loop.delay', (observe) => {
    for (const quantile of [50, 99, 100])
      observe(delay.percentile(quantile) / nanosPerMs, { quantile: String(quantile / 100) });
    delay.reset();
  });
  gauge('process.memory.rss', (observe) => observe(process.memoryUsage.rss()));
  gauge('process.cpu.seconds', (observe) => {
    const { user, system } = process.cpuUsage();
    observe((user + system) / 1_000_000);
  });
}
