import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { inSpan, parseTraceparent, startHealthServer, startSpan, startTelemetry } from './index.js';

const valid = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

describe('W3C trace context', () => {
  it.each([
    [valid, '4bf92f3577b34da6a3ce929d0e0e4736'],
    ['00-00000000000000000000000000000000-00f067aa0ba902b7-01', undefined],
    ['00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01', undefined],
    ['01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', undefined],
    ['nonsense', undefined],
    [undefined, undefined],
  ])('reads %s', (text, traceId) => {
    expect(parseTraceparent(text)?.traceId).toBe(traceId);
  });

  it('passes ids on when nobody traces, and makes one for an untraced start', () => {
    expect(startSpan('x', { traceparent: valid }).traceId).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
    expect(parseTraceparent(startSpan('x').traceparent)?.sampled).toBe(false);
  });
});

describe('a process with telemetry', () => {
  it('writes finished spans of one trace to the trace file, and serves metrics and health', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'millrace-trace-')), 'trace.jsonl');
    const telemetry = startTelemetry({
      service: 'millrace-test',
      instance: 'test',
      env: { MILLRACE_TRACE_FILE: file },
    });
    let ready = true;
    const health = await startHealthServer({ host: '127.0.0.1', port: 0 }, telemetry, {
      ready: () => Promise.resolve({ bus: ready }),
    });
    const get = async (path: string): Promise<[number, string]> => {
      const answer = await fetch(`http://127.0.0.1:${health.port}${path}`);
      return [answer.status, await answer.text()];
    };

    const outer = startSpan('run', { traceparent: valid });
    await expect(
      inSpan('step', { traceparent: outer.traceparent, role: 'client' }, () => Promise.reject(new Error('refused'))),
    ).rejects.toThrow('refused');
    outer.end();

    expect(await get('/livez')).toEqual([200, '{"status":"ok"}']);
    expect(await get('/readyz')).toEqual([200, '{"status":"ready","checks":{"bus":true}}']);
    ready = false;
    expect((await get('/readyz'))[0]).toBe(503);
    expect((await get('/metrics'))[1]).toContain('process_memory_rss');
    expect((await get('/elsewhere'))[0]).toBe(404);
    await health.close();
    await telemetry.shutdown();

    const spans = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(spans.map((s) => [s['name'], s['traceId'], s['status']])).toEqual([
      ['step', '4bf92f3577b34da6a3ce929d0e0e4736', 2],
      ['run', '4bf92f3577b34da6a3ce929d0e0e4736', 0],
    ]);
    expect(spans[0]?.['parentSpanId']).toBe(spans[1]?.['spanId']);
    expect(spans[0]?.['service']).toBe('millrace-test');
  });
});
