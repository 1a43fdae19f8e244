import { createConnections, createCopyFlow, runFlow } from './copy-flow.js';
import { startPlatform } from './platform.js';
import { startServer } from './processes.js';
import { percentile, round, type Scenario } from './result.js';

const recordsPerRun = 5;

/**
 * Runs that nobody measures, at 256 in flight. V8 optimizes what ran some thousand times, in each of seven processes and
 * the threads of two; every flow is compiled once in every worker; connections are opened as they are needed. A platform
 * that has run for a minute has all that behind it, and what is asked here is what it does then: without the warm-up the
 * runs that come first, those one at a time, are measured in the interpreter.
 */
const warmUpRuns = { full: 12_000, quick: 1_500 };

/** Runs of a one-page flow, started over REST and final in the API, at 1, 64 and 256 in flight, after a warm-up. */
export const j4: Scenario = async (options, emit) => {
  const sourceServer = await startServer('bench/servers/source.mjs');
  const sinkServer = await startServer('bench/servers/sink.mjs');
  const [source, sink] = [sourceServer, sinkServer].map(({ answer }) => `http://127.0.0.1:${answer}`) as [
    string,
    string,
  ];
  const others = { source: sourceServer.pid, sink: sinkServer.pid, client: process.pid };
  const platform = await startPlatform(options);
  try {
    const connections = await createConnections(platform, source, sink);
    // One run of a flow at a time is the rule, so as many flows as runs in flight.
    const flows = await Promise.all(
      Array.from({ length: 256 }, () =>
        createCopyFlow({ platform, connections, sourceUrl: source, sinkUrl: sink, pageSize: 20, total: recordsPerRun }),
      ),
    );
    await drive(options.quick ? warmUpRuns.quick : warmUpRuns.full, flows.length);
    for (const inFlight of [1, 64, 256]) {
      const runs = options.quick ? inFlight * 4 : Math.max(400, inFlight * 20);
      // What the phase before has left behind is done with.
      await drive(Math.max(20, inFlight), inFlight);
      const used = await platform.measure(others);
      const startedAt = performance.now();
      const latencies = await drive(runs, inFlight);
      const seconds = (performance.now() - startedAt) / 1000;
      const cpu = await used();
      emit({
        bench: 'j4',
        variant: `${inFlight} in flight`,
        mode: options.mode,
        unit: 'runs/s',
        value: round(runs / seconds),
        p50Ms: round(percentile(latencies, 0.5)),
        p99Ms: round(percentile(latencies, 0.99)),
        cpuSecondsPerMillion: round((cpu.own / runs) * 1e6),
        cpuSecondsPerMillionWithBrokers: round((cpu.all / runs) * 1e6),
        cpuMsByProcess: each(cpu.byProcess, 1000 / runs),
        ...(cpu.counts ? { countsEach: each({ ...cpu.counts }, 1 / runs) } : {}),
      });
    }

    async function drive(runs: number, inFlight: number): Promise<number[]> {
      const latencies: number[] = [];
      let next = 0;
      const lane = async (flowId: string): Promise<void> => {
        while (next < runs) {
          next += 1;
          const { job, seconds } = await runFlow(platform, flowId);
          if (job.status !== 'completed' || job.numSuccess !== recordsPerRun)
            throw new Error(`A run ended as ${JSON.stringify(job)}`);
          latencies.push(seconds * 1000);
        }
      };
      await Promise.all(flows.slice(0, inFlight).map(lane));
      return latencies;
    }
  } finally {
    await platform.stop();
  }
};

const each = (amounts: Readonly<Record<string, number>>, factor: number): Record<string, number> =>
  Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, round(amount * factor, 2)]));
