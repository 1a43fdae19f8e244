import { metrics, type Attributes, type Counter, type Histogram, type ObservableResult } from '@opentelemetry/api';

/**
 * Every metric of Millrace, named once. Prometheus shows dots as underscores and counters with `_total`.
 * Labels are bounded: never a run, flow, account or record.
 */
const counters = {
  'millrace.api.requests': 'REST requests, by method, route and status class',
  'millrace.runs.finished': 'Runs that became final, by status',
  'millrace.runs.started': 'Runs started, by trigger',
  'millrace.records': 'Records through a step, by step type and outcome (success, error, ignore)',
  'millrace.pages': 'Pages generated and finished, by event',
  'millrace.page.redeliveries': 'Deliveries of work with an attempt above 1, by queue',
  'millrace.outbound.requests': 'Outbound calls, by system and status class',
  'millrace.errors.stored': 'Errors stored, by classification',
  'millrace.poison.messages': 'Messages that could not be read and went to the dead letters, by queue or topic',
  'millrace.script.host_calls': 'Calls of the platform by scripts, by outcome',
  'millrace.script.incidents':
    'Scripts that ended their isolate or process, or were quarantined, by reason (crashed, memory, stuck, quarantined)',
  'millrace.script.log.dropped': 'Lines of scripts that were not kept, because there were too many',
  'millrace.try_outs': 'Previews, invocations and test runs, by outcome (answered, timeout, failed)',
  'millrace.schedule.firings': 'Firings of schedules, by outcome',
} as const;

const histograms = {
  'millrace.api.duration': ['REST request duration by route', 's'],
  'millrace.outbound.duration': ['Outbound call duration by system', 's'],
  'millrace.page.duration': ['Time from lease to acknowledgement of a page bundle', 's'],
  'millrace.slice.duration': ['Time to read and publish one slice of a source', 's'],
} as const;

const gauges = {
  'millrace.runs.active': 'Runs by status',
  'millrace.pages.in_flight': 'Page bundles leased by this process',
  'millrace.queue.pending': 'Messages waiting, by queue',
  'millrace.queue.leased': 'Messages leased and not settled, by queue',
  'millrace.queue.oldest': 'Age of the oldest message in milliseconds, by queue',
  'millrace.stream.lag': 'Events not yet taken effect, by topic',
  'millrace.connection.permits':
    'Requests that this process may have in flight, summed over connections, by state (held, used)',
  'millrace.scheduler.leader': 'Whether this scheduler leads (1) or follows (0)',
  'millrace.event_loop.delay': 'Event-loop delay in milliseconds, by quantile',
  'process.memory.rss': 'Resident memory in bytes',
  'process.cpu.seconds': 'CPU time used, in seconds',
} as const;

export type CounterName = keyof typeof counters;
export type HistogramName = keyof typeof histograms;
export type GaugeName = keyof typeof gauges;

const meter = (): ReturnType<typeof metrics.getMeter> => metrics.getMeter('millrace');
const madeCounters = new Map<CounterName, Counter>();
const madeHistograms = new Map<HistogramName, Histogram>();

/** Adds to a counter. Call per page or request, never per record. */
export function count(name: CounterName, value = 1, attributes?: Attributes): void {
  let counter = madeCounters.get(name);
  if (!counter) madeCounters.set(name, (counter = meter().createCounter(name, { description: counters[name] })));
  counter.add(value, attributes);
}

/** Records a duration in seconds. */
export function observeSeconds(name: HistogramName, seconds: number, attributes?: Attributes): void {
  let histogram = madeHistograms.get(name);
  if (!histogram) {
    const [description, unit] = histograms[name];
    madeHistograms.set(name, (histogram = meter().createHistogram(name, { description, unit })));
  }
  histogram.record(seconds, attributes);
}

/** Registers what a scrape asks for. A reader that fails leaves its gauge out of that scrape. */
export function gauge(
  name: GaugeName,
  read: (observe: (value: number, attributes?: Attributes) => void) => void | Promise<void>,
): void {
  meter()
    .createObservableGauge(name, { description: gauges[name] })
    .addCallback((result: ObservableResult) => read((value, attributes) => result.observe(value, attributes)));
}
