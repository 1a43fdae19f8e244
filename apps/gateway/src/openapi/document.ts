import { z } from 'zod';
import { job, mappingField2, resourceTypes, stepError } from '#model';
import type { Operation } from './operation.js';

type Json = Record<string, unknown>;

const errorEnvelope = z.object({
  message: z.string().optional().describe('Only on 401 and 403.'),
  errors: z.array(z.object({ code: z.string(), message: z.string(), field: z.string().optional() })),
});

/** The OpenAPI 3.1 document, built from the schemas that validate; nothing in it is written twice. */
export function buildOpenApi(operations: readonly Operation[]): Json {
  const schemas = new SchemaBook();
  const paths: Record<string, Json> = {};
  for (const operation of operations) {
    const path = (paths[operation.path] ??= {});
    if (path[operation.method]) throw new Error(`${operation.method} ${operation.path} is described twice.`);
    path[operation.method] = describe(operation, schemas);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Millrace REST API',
      version: '1',
      description: 'Optional fields may be sent as null, which means absent. Fields the API does not know are ignored.',
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      parameters: {
        IntegratorAShareId: {
          name: 'Integrator-AShareId',
          in: 'header',
          required: false,
          schema: { type: 'string' },
          description: 'Selects the account, for users to whom several are shared.',
        },
      },
      responses: { Refused: { description: 'Refused', content: json(schemas.use(errorEnvelope)) } },
      schemas: schemas.components(),
    },
  };
}

function describe(operation: Operation, schemas: SchemaBook): Json {
  const parameters = [
    ...[...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    ...(operation.query ? queryParameters(operation.query) : []),
    { $ref: '#/components/parameters/IntegratorAShareId' },
  ];
  const answer: Json = {
    description: operation.summary,
    ...(operation.response ? { content: json(schemas.use(operation.response), operation.responseType) } : {}),
  };
  const responses: Json = {
    [operation.status]: answer,
    ...(operation.newIs201 ? { 201: answer } : {}),
    ...(operation.emptyIs204 ? { 204: { description: 'Nothing matches.' } } : {}),
    default: { $ref: '#/components/responses/Refused' },
  };
  return {
    operationId: operation.id,
    tags: [operation.tag],
    summary: operation.summary,
    parameters,
    ...(operation.request
      ? { requestBody: { required: !operation.requestOptional, content: json(schemas.use(operation.request)) } }
      : {}),
    responses,
  };
}

function json(schema: Json, type = 'application/json'): Json {
  return { [type]: { schema } };
}

function queryParameters(query: z.ZodObject): Json[] {
  return Object.entries(query.shape).map(([name, schema]) => ({
    name,
    in: 'query',
    required: false,
    schema: clean(z.toJSONSchema(schema as z.ZodType, { io: 'input', unrepresentable: 'any' }) as Json),
  }));
}

/** Named schemas become components, everything else is written in place. */
class SchemaBook {
  readonly #registry = z.registry<{ id: string }>();
  readonly #inline = new Map<z.ZodType, string>();

  constructor() {
    for (const type of Object.values(resourceTypes)) {
      this.#registry.add(type.input, { id: `${type.title}Input` });
      this.#registry.add(type.document, { id: type.title });
    }
    this.#registry.add(mappingField2, { id: 'MappingField2' });
    this.#registry.add(job, { id: 'Job' });
    this.#registry.add(stepError, { id: 'StepError' });
    this.#registry.add(errorEnvelope, { id: 'Errors' });
  }

  /** A reference to the schema's component. */
  use(schema: z.ZodType): Json {
    let id = this.#registry.get(schema)?.id ?? this.#inline.get(schema);
    if (id === undefined) {
      id = `Body${this.#inline.size + 1}`;
      this.#inline.set(schema, id);
      this.#registry.add(schema, { id });
    }
    return { $ref: `#/components/schemas/${id}` };
  }

  components(): Json {
    const { schemas } = z.toJSONSchema(this.#registry, {
      io: 'input',
      unrepresentable: 'any',
      uri: (id) => `#/components/schemas/${id}`,
    });
    return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, clean(schema as Json)]));
  }
}

/** Inside OpenAPI a schema has neither an identity nor a dialect of its own. */
function clean({ $schema: _schema, $id: _id, ...schema }: Json): Json {
  return schema;
}
