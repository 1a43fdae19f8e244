import { createConnections, createCopyFlow, runFlow } from './copy-flow.js';
import { startPlatform } from './platform.js';
import { runScript, startServer } from './processes.js';
import { round, type Scenario } from './result.js';

interface Stats {
  readonly records: number;
  readonly duplicates: number;
  readonly distinct: number;
}

/** Records/s of a copy from HTTP to HTTP, beside a bare loop of the same work in the same run. */
export const j1: Scenario = async (options, emit) => {
  const source = `http://127.0.0.1:${(await startServer('bench/servers/source.mjs')).answer}`;
  const sink = `http://127.0.0.1:${(await startServer('bench/servers/sink.mjs')).answer}`;
  const stats = async (): Promise<Stats> => (await (await fetch(`${sink}/stats?reset=1`)).json()) as Stats;
  const platform = await startPlatform(options);
  try {
    const connections = await createConnections(platform, source, sink);
    const flowOf = (pageSize: number, total: number): Promise<string> =>
      createCopyFlow({ platform, connections, sourceUrl: source, sinkUrl: sink, pageSize, total });
    await runFlow(platform, await flowOf(1000, 50_000));
    await stats();
    for (const pageSize of [1000, 20]) {
      const total = options.quick ? 50_000 : pageSize === 1000 ? 400_000 : 200_000;
      const bareOnce = async (): Promise<{ seconds: number; cpuSeconds: number; rssMb: number }> =>
        JSON.parse(await runScript('bench/servers/bare.mjs', [source, sink, String(total), String(pageSize)])) as never;
      const flowId = await flowOf(pageSize, total);
      // Bare, platform, bare: the machine is shared, and the mean of the two bare runs is from the same minutes.
      const before = await bareOnce();
      await stats();
      const used = await platform.measure();
      const { job, seconds } = await runFlow(platform, flowId);
      const cpu = await used();
      const seen = await stats();
      const after = await bareOnce();
      await stats();
      if (job.status !== 'completed' || job.numSuccess !== total) {
        throw new Error(`The run ended as ${job.status} with ${job.numSuccess} of ${total} records.`);
      }
      const baseline = (2 * total) / (before.seconds + after.seconds);
      const value = total / seconds;
      emit({
        bench: 'j1',
        variant: `page ${pageSize} bare loop`,
        mode: 'bare',
        unit: 'records/s',
        value: Math.round(baseline),
        cpuSecondsPerMillion: round(((before.cpuSeconds + after.cpuSeconds) / 2 / total) * 1e6),
        peakRssMb: { bare: Math.round(Math.max(before.rssMb, after.rssMb)) },
      });
      emit({
        bench: 'j1',
        variant: `page ${pageSize}`,
        mode: options.mode,
        unit: 'records/s',
        value: Math.round(value),
        baseline: Math.round(baseline),
        ratio: round(value / baseline),
        cpuSecondsPerMillion: round((cpu.own / total) * 1e6),
        cpuSecondsPerMillionWithBrokers: round((cpu.all / total) * 1e6),
        cpuSecondsPerMillionByProcess: Object.fromEntries(
          Object.entries(cpu.byProcess).map(([name, used]) => [name, round((used / total) * 1e6)]),
        ),
        peakRssMb: platform.peakRss(),
        lost: total - seen.distinct,
        duplicates: seen.duplicates,
      });
    }
  } finally {
    await platform.stop();
  }
};

/**
 * A run of 100 k records is over in a second, before the heaps of fresh processes have found their size, and on one executor:
 * a few of them say what such a run needs.
 */
const smallRuns = 3;

/** Memory does not grow with volume (P6): peak RSS of executors after runs of 100 k records beside that after one of 1 M. */
export const volume: Scenario = async (options, emit) => {
  const source = `http://127.0.0.1:${(await startServer('bench/servers/source.mjs')).answer}`;
  const sink = `http://127.0.0.1:${(await startServer('bench/servers/sink.mjs')).answer}`;
  const platform = await startPlatform(options);
  try {
    const connections = await createConnections(platform, source, sink);
    const executorRss = (): number =>
      Math.max(
        ...Object.entries(platform.peakRss())
          .filter(([name]) => /executor|standalone/.test(name))
          .map(([, mb]) => mb),
      );
    const rssAfter = async (total: number): Promise<number> => {
      const flowId = await createCopyFlow({
        platform,
        connections,
        sourceUrl: source,
        sinkUrl: sink,
        pageSize: 1000,
        total,
      });
      const { job } = await runFlow(platform, flowId);
      if (job.status !== 'completed' || job.numSuccess !== total)
        throw new Error(`A run ended as ${JSON.stringify(job)}`);
      return executorRss();
    };
    for (let run = 1; run < smallRuns; run += 1) await rssAfter(100_000);
    const small = await rssAfter(100_000);
    const large = await rssAfter(options.quick ? 300_000 : 1_000_000);
    emit({
      bench: 'volume',
      variant: 'peak RSS of an executor after runs of 100 k records, over that after one of 1 M',
      mode: options.mode,
      unit: 'MB',
      value: small,
      baseline: large,
      ratio: round(small / large),
      peakRssMb: platform.peakRss(),
    });
  } finally {
    await platform.stop();
  }
};
