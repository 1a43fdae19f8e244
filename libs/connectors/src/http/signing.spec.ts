import { createHash, createHmac } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { HttpTestBed } from '../testing/http-test-bed.js';

const md5 = (text: string) => createHash('md5').update(text).digest('hex');
const hmac = (text: string) => createHmac('sha256', 'k3y').update(text).digest('hex');

/** Reference: handlebars §7. */
it('address and headers sign the request as it is sent', async () => {
  const bed = await HttpTestBed.start({
    encrypted: { key: 'k3y' },
    headers: [
      { name: 'X-Plain', value: 'p' },
      { name: 'X-Sign', value: '{{{hmac "sha256" connection.http.encrypted.key "hex" hmacOptions.URI}}}' },
    ],
  });
  try {
    bed.app.answer({ status: 200 });
    const outcomes = await bed.submit(
      {
        method: ['POST'],
        relativeURI: [
          '/items?b={{record.b}}&a=1&sign={{hmac "sha256" hmacOptions.http.encrypted.key "hex" hmacOptions.orderedQueryParams}}',
        ],
        headers: [
          { name: 'X-Body', value: '{{hash "md5" "hex" hashOptions.body}}' },
          {
            name: 'X-Seen',
            value: '{{hashOptions.headers.X-Plain}} {{hashOptions.method}} {{hashOptions.bodyParametersMap.n}}',
          },
          { name: 'X-Query', value: '{{hashOptions.urlParametersMap.b}}' },
        ],
      },
      [{ n: 5 }],
      { records: [{ b: 'x y' }] },
    );
    expect(outcomes).toMatchObject([{ statusCode: 200 }]);
    const sign = hmac('a=1&b=x%20y');
    const [request] = bed.app.requests;
    expect(request?.query.get('sign')).toBe(sign);
    expect(request?.headers).toMatchObject({
      'x-body': md5('{"n":5}'),
      'x-seen': 'p POST 5',
      'x-query': 'x y',
      'x-sign': hmac(`${bed.app.url}/items?b=x%20y&a=1&sign=${sign}`),
    });
  } finally {
    await bed.stop();
  }
});

it('aws4 signs with the headers of the step', async () => {
  const bed = await HttpTestBed.start();
  try {
    bed.app.answer({ status: 200 });
    const headers = [
      { name: 'X-Amz-Date', value: '{{{timestamp "YYYYMMDDTHHmmss" "Etc/GMT-0"}}}Z' },
      { name: 'Authorization', value: '{{{aws4 "AK" "SK" null "eu-west-1" "execute-api"}}}' },
    ];
    const outcomes = await bed.submit({ method: ['POST'], relativeURI: ['/items'], headers }, [{ id: 1 }]);
    expect(outcomes).toMatchObject([{ statusCode: 200 }]);
    expect(bed.app.requests[0]?.headers['authorization']).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AK\/\d{8}\/eu-west-1\/execute-api\/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=[0-9a-f]{64}$/,
    );
  } finally {
    await bed.stop();
  }
});

it('a signature with a line break fails the record', async () => {
  const bed = await HttpTestBed.start();
  try {
    const headers = [{ name: 'X-Sign', value: '{{hashOptions.method}}\n' }];
    const outcomes = await bed.submit({ method: ['POST'], relativeURI: ['/items'], headers }, [{ id: 1 }]);
    expect(outcomes).toMatchObject([{ statusCode: 422, failures: [{ code: 'handlebars_template_parse_error' }] }]);
    expect(bed.app.requests).toEqual([]);
  } finally {
    await bed.stop();
  }
});
