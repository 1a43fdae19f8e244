// The second destination: json-server with the rules of a strict application in front of it. It takes batches
// (`POST /places` with an array), refuses records that break a rule, and is sometimes busy (429) or down (503).
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const jsonServer = require('json-server');

const router = jsonServer.router({ places: [] });
const places = router.db.get('places').value();
const seen = new Map();
const answered = new Map();
const stats = { requests: 0, busy: 0, down: 0, repeatedKeys: 0, stored: 0, duplicates: 0, refused: 0 };

/** @returns the reason why the record is refused, or null */
function refusal(place) {
  if (typeof place?.name !== 'string' || place.name === '') return [422, 'name_required', 'A place needs a name.'];
  if (place.name.length > 24)
    return [422, 'name_too_long', `The name "${place.name}" is too long: it must have at most 24 characters.`];
  if (!/^[A-Z]{2}$/.test(place.countryCode ?? ''))
    return [422, 'country_invalid', 'countryCode must be two capital letters.'];
  if (place.population > 15_000_000)
    return [
      422,
      'population_implausible',
      `A population of ${place.population} is too high to be accepted without a review.`,
    ];
  const twin = seen.get(`${place.countryCode}/${place.name}`);
  if (twin !== undefined && twin !== place.externalId) {
    return [409, 'place_exists', `${place.name} (${place.countryCode}) already exists as ${twin}.`];
  }
  return null;
}

function store(place) {
  const refused = refusal(place);
  if (refused) {
    stats.refused += 1;
    const [status, code, message] = refused;
    return { ok: false, status, code, message };
  }
  const key = `${place.countryCode}/${place.name}`;
  if (seen.has(key)) stats.duplicates += 1;
  else stats.stored += 1;
  seen.set(key, place.externalId);
  places.push({ ...place, id: place.externalId });
  return { ok: true, id: String(place.externalId) };
}

const app = jsonServer.create();
app.use(jsonServer.defaults({ logger: false, static: '/nonexistent' }));
app.get('/stats', (_request, response) => response.json(stats));
app.use(jsonServer.bodyParser);
app.post('/places', (request, response) => {
  stats.requests += 1;
  if (stats.requests % 29 === 0) {
    stats.busy += 1;
    response.set('Retry-After', '1').status(429).json({ message: 'Slow down, please.' });
    return;
  }
  if (stats.requests % 23 === 0) {
    stats.down += 1;
    response.status(503).json({ message: 'Maintenance, back in a moment.' });
    return;
  }
  const key = request.get('idempotency-key');
  if (key !== undefined && answered.has(key)) {
    stats.repeatedKeys += 1;
    response.json(answered.get(key));
    return;
  }
  const batch = Array.isArray(request.body) ? request.body : [request.body];
  const results = batch.map(store);
  if (key !== undefined) answered.set(key, results);
  response.json(results);
});
app.use(router);
const server = app.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
