import { describe, expect, it } from '@jest/globals';
import { buildOpenApi } from './document.js';
import { operations } from './operations.js';

interface Schema {
  readonly $ref?: string;
  readonly [key: string]: unknown;
}
interface Described {
  readonly operationId: string;
  readonly requestBody?: { readonly content: Record<string, { readonly schema: Schema }> };
  readonly responses: Record<string, { readonly content?: Record<string, { readonly schema: Schema }> }>;
}

const document = buildOpenApi(operations) as {
  openapi: string;
  paths: Record<string, Record<string, Described>>;
  components: { schemas: Record<string, Schema> };
};
const described = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, method, operation })),
);
const resolve = (schema: Schema | undefined): Schema | undefined =>
  schema?.$ref ? document.components.schemas[schema.$ref.replace('#/components/schemas/', '')] : schema;

describe('openapi.json', () => {
  it('is OpenAPI 3.1 with unique operation ids', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(new Set(described.map(({ operation }) => operation.operationId)).size).toBe(operations.length);
  });

  it.each(described.filter(({ method }) => ['post', 'put', 'patch'].includes(method)))(
    '$name has a request schema',
    ({ operation }) => {
      const schema = resolve(operation.requestBody?.content['application/json']?.schema);
      expect([schema?.['type']].flat()).toContainEqual(expect.stringMatching(/^(object|array)$/));
    },
  );

  it.each(described)('$name has a response schema', ({ operation }) => {
    for (const [status, response] of Object.entries(operation.responses)) {
      if (status === '204' || status === 'default') continue;
      const [content] = Object.values(response.content ?? {});
      expect(Object.keys(resolve(content?.schema) ?? {})).not.toEqual([]);
    }
    expect(Object.keys(operation.responses).some((status) => /^2\d\d$/.test(status))).toBe(true);
  });

  it('refers only to what it defines', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target!);
    expect(references.length).toBeGreaterThan(50);
    for (const target of new Set(references)) {
      const found = target
        .slice(2)
        .split('/')
        .reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], document);
      expect({ target, found: typeof found }).toEqual({ target, found: 'object' });
    }
  });

  it('describes what validates: a flow requires its name, an import takes arrays', () => {
    expect(document.components.schemas['FlowInput']).toMatchObject({ required: ['name'] });
    expect(document.components.schemas['ImportInput']).toMatchObject({
      properties: { http: { properties: { relativeURI: { type: 'array', items: { type: 'string' } } } } },
    });
    expect(document.components.schemas['ConnectionInput']).toMatchObject({
      properties: { type: { enum: ['http', 'rdbms', 'filesystem', 'wrapper'] } },
    });
  });
});
