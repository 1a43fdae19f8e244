// Source of the benchmark: GET /records?page=N&limit=L (N from 0) of TOTAL records; pages are stamped copies of one template.
import { createServer } from 'node:http';
import { firstId, record } from './record.mjs';

const templates = new Map();

function template(limit) {
  let found = templates.get(limit);
  if (!found) {
    const bytes = Buffer.from(JSON.stringify(Array.from({ length: limit }, () => record(firstId))));
    const places = [];
    const needle = Buffer.from(`{"id":${firstId},"sku"`);
    for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) places.push(at + 6);
    templates.set(limit, (found = { bytes, places, recordBytes: JSON.stringify(record(firstId)).length }));
  }
  return found;
}

const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost');
  const limit = Number(url.searchParams.get('limit') ?? 1000);
  const first = Number(url.searchParams.get('page') ?? 0) * limit;
  const total = Number(url.searchParams.get('total') ?? 0);
  const count = Math.max(0, Math.min(limit, total - first));
  if (count === 0) {
    response.writeHead(200, { 'content-type': 'application/json' }).end('[]');
    return;
  }
  const { bytes, places } = template(limit);
  const page = Buffer.from(bytes);
  for (let i = 0; i < count; i += 1) page.write(String(firstId + first + i), places[i], 'latin1');
  const body = count === limit ? page : Buffer.concat([page.subarray(0, places[count] - 7), Buffer.from(']')]);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
