import 'reflect-metadata';
import { RequestMethod } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { describe, expect, it } from '@jest/globals';
import type { GatewayDeps } from '../deps.js';
import { GatewayModule } from '../gateway.module.js';
import { operations } from './operations.js';

function routesOf(controller: new (...args: never[]) => object): string[] {
  const base = String(Reflect.getMetadata(PATH_METADATA, controller));
  const prototype = controller.prototype as Record<string, unknown>;
  return Object.getOwnPropertyNames(prototype).flatMap((name) => {
    const handler = prototype[name];
    const method: unknown = typeof handler === 'function' ? Reflect.getMetadata(METHOD_METADATA, handler) : undefined;
    if (typeof method !== 'number' || typeof handler !== 'function') return [];
    const paths = [Reflect.getMetadata(PATH_METADATA, handler) as string | string[]].flat();
    return paths.map((path) =>
      `${RequestMethod[method]!.toLowerCase()} /${base}/${path}`
        .replaceAll(/\/{2,}/g, '/')
        .replace(/\/$/, '')
        .replaceAll(/:(\w+)/g, '{$1}'),
    );
  });
}

describe('the description of the API', () => {
  it('names every route below /v1, and no other', () => {
    const deps = { store: { documents: {}, accounts: {} }, config: {} } as unknown as GatewayDeps;
    const { controllers = [] } = GatewayModule.with(deps);
    const served = controllers.flatMap((controller) => routesOf(controller)).filter((route) => route.includes(' /v1/'));
    const described = operations.map(({ method, path }) => `${method} ${path}`);
    expect(described.sort()).toEqual(served.sort());
  });
});
