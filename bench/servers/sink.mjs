// Destination of the benchmark: POST /records takes an array, remembers which ids it saw and how often, and answers at once.
// GET /stats?reset=1 tells and forgets.
import { createServer } from 'node:http';
import { firstId } from './record.mjs';

let seen = new Uint8Array(1 << 21);
const stats = { requests: 0, records: 0, duplicates: 0, inFlight: 0, maxInFlight: 0 };
const needle = Buffer.from('{"id":');

function take(body) {
  for (let at = body.indexOf(needle); at >= 0; at = body.indexOf(needle, at + 16)) {
    let id = 0;
    for (let i = at + 6; i < at + 16; i += 1) id = id * 10 + body[i] - 48;
    const index = id - firstId;
    if (!(index >= 0)) continue;
    while (index >= seen.length) {
      const larger = new Uint8Array(seen.length * 2);
      larger.set(seen);
      seen = larger;
    }
    stats.records += 1;
    if (seen[index] > 0) stats.duplicates += 1;
    else seen[index] = 1;
  }
}

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    const answer = JSON.stringify({ ...stats, distinct: seen.reduce((sum, n) => sum + n, 0) });
    if (request.url.includes('reset')) {
      seen.fill(0);
      Object.assign(stats, { requests: 0, records: 0, duplicates: 0, maxInFlight: 0 });
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
    return;
  }
  stats.requests += 1;
  stats.inFlight += 1;
  stats.maxInFlight = Math.max(stats.maxInFlight, stats.inFlight);
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    take(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
    stats.inFlight -= 1;
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}');
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
