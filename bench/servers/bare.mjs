// The bare loop: the same work in one process with nothing durable in between. Arguments: source sink total limit.
import { Pool } from 'undici';
import { keepByHand, mapByHand } from './record.mjs';

const [, , sourceUrl, sinkUrl, totalText, limitText] = process.argv;
const total = Number(totalText);
const limit = Number(limitText);
const source = new Pool(sourceUrl, { connections: 8 });
const sink = new Pool(sinkUrl, { connections: 8 });
const pages = Math.ceil(total / limit);
let next = 0;

async function lane() {
  for (;;) {
    const page = next;
    next += 1;
    if (page >= pages) return;
    const answer = await source.request({ method: 'GET', path: `/records?page=${page}&limit=${limit}&total=${total}` });
    const records = JSON.parse(await answer.body.text());
    const mapped = [];
    for (const record of records) if (keepByHand(record)) mapped.push(mapByHand(record));
    const stored = await sink.request({
      method: 'POST',
      path: '/records',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(mapped),
    });
    await stored.body.dump();
  }
}

const startedAt = performance.now();
await Promise.all(Array.from({ length: 8 }, lane));
const seconds = (performance.now() - startedAt) / 1000;
const { user, system } = process.cpuUsage();
process.stdout.write(
  `${JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6, rssMb: process.resourceUsage().maxRSS / 1024 })}\n`,
);
await Promise.all([source.close(), sink.close()]);
