import { Inject, Injectable } from '@nestjs/common';
import type { ScriptLogRow } from '#store';
import { GATEWAY_DEPS, type GatewayDeps } from '../deps.js';
import type { Caller } from '../http/caller.js';
import type { QueryString } from '../resources/list-query.js';
import { ResourceService } from '../resources/resource.service.js';
import { parseScriptLogQuery } from './script-log.query.js';

/** Reference: resources §9. */
export interface ScriptLogEntry {
  readonly time: string;
  readonly logLevel: ScriptLogRow['level'];
  readonly functionType: string;
  readonly _resourceId: string;
  readonly message: string;
}

export interface ScriptLogPage {
  readonly logs: readonly ScriptLogEntry[];
  /** Path of the next page; absent on the last. */
  readonly nextPageURL?: string;
}

/** What scripts wrote, newest first. */
@Injectable()
export class ScriptLogService {
  constructor(
    @Inject(GATEWAY_DEPS) private readonly deps: GatewayDeps,
    @Inject(ResourceService) private readonly resources: ResourceService,
  ) {}

  async list(caller: Caller, scriptId: string, query: QueryString): Promise<ScriptLogPage> {
    await this.resources.stored(caller.accountId, 'scripts', scriptId);
    const asked = parseScriptLogQuery(query);
    const { rows, more } = await this.deps.store.scriptLogs.list(caller.accountId, scriptId, asked);
    return {
      logs: rows.map(({ time, level, functionType, resourceId, message }) => ({
        time,
        logLevel: level,
        functionType,
        _resourceId: resourceId,
        message,
      })),
      ...(more ? { nextPageURL: nextPage(scriptId, query, asked.offset + rows.length) } : {}),
    };
  }

  async clear(caller: Caller, scriptId: string): Promise<void> {
    await this.resources.stored(caller.accountId, 'scripts', scriptId);
    await this.deps.store.scriptLogs.clear(caller.accountId, scriptId);
  }
}

function nextPage(scriptId: string, query: QueryString, offset: number): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (typeof value === 'string') parameters.set(name, value);
  parameters.set('offset', String(offset));
  return `/v1/scripts/${scriptId}/logs?${parameters.toString()}`;
}
