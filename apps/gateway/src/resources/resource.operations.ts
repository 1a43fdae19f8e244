import { z } from 'zod';
import { type ResourceType, resourceTypes } from '#model';
import type { Operation } from '../openapi/operation.js';
import { jsonPatchSchema } from './json-patch.js';
import { maxListLimit } from './list-query.js';
import { typesWithForms } from './types-with-forms.js';

const listQuery = z.object({
  limit: z.number().int().min(1).max(maxListLimit).optional(),
  skip: z.number().int().min(0).optional(),
  include: z.string().optional(),
  exclude: z.string().optional(),
  externalId: z.string().optional(),
  name: z.string().optional(),
  type: z.string().optional(),
  adaptorType: z.string().optional(),
  disabled: z.boolean().optional(),
  _connectionId: z.string().optional(),
  _integrationId: z.string().optional(),
});
const flowListQuery = listQuery.extend({ includeInstances: z.boolean().optional() });

function crud(type: ResourceType): readonly Operation[] {
  const { name, title } = type;
  const tag = name;
  const path = `/v1/${name}`;
  const one = `${path}/{id}`;
  const noun = title.toLowerCase();
  const query = name === 'flows' ? flowListQuery : listQuery;
  return [
    {
      method: 'get',
      path,
      id: `list${title}s`,
      tag,
      summary: `${title}s of the account`,
      query,
      status: 200,
      response: z.array(type.document),
      emptyIs204: true,
    },
    {
      method: 'post',
      path,
      id: `create${title}`,
      tag,
      summary: `The new ${noun}`,
      request: type.input,
      status: 201,
      response: type.document,
    },
    { method: 'get', path: one, id: `get${title}`, tag, summary: `The ${noun}`, status: 200, response: type.document },
    {
      method: 'put',
      path: one,
      id: `replace${title}`,
      tag,
      summary: `The ${noun}, replaced whole`,
      request: type.input,
      status: 200,
      response: type.document,
    },
    {
      method: 'patch',
      path: one,
      id: `patch${title}`,
      tag,
      summary: `Changed. Paths: ${type.patchable.join(', ') || 'none'}`,
      request: jsonPatchSchema,
      status: 204,
    },
    {
      method: 'delete',
      path: one,
      id: `delete${title}`,
      tag,
      summary: `The ${noun} is in the recycle bin`,
      status: 204,
    },
  ];
}

const children = (['flows', 'exports', 'imports'] as const).map((name): Operation => ({
  method: 'get',
  path: `/v1/integrations/{id}/${name}`,
  id: `list${resourceTypes[name].title}sOfIntegration`,
  tag: 'integrations',
  summary: `${resourceTypes[name].title}s of the integration`,
  query: name === 'flows' ? flowListQuery : listQuery,
  status: 200,
  response: z.array(resourceTypes[name].document),
  emptyIs204: true,
}));

const forms = typesWithForms.map(({ name, title }): Operation => ({
  method: 'post',
  path: `/v1/${name}/{id}/settingsForm/init`,
  id: `init${title}SettingsForm`,
  tag: name,
  summary: 'The form for the settings: what settingsForm.init returns, or settingsForm.form',
  request: z.object({}),
  status: 200,
  response: z.record(z.string(), z.unknown()),
}));

export const resourceOperations: readonly Operation[] = [
  ...Object.values(resourceTypes).flatMap(crud),
  ...children,
  ...forms,
];
