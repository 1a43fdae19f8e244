import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { TryOutReason } from '#contracts';
import { ApiError } from '#failures';
import { problemOf } from '#try-outs';
import { parseBody } from '../http/parse-body.js';
import { apiCodes } from '../codes.js';
import { ResourceService } from '../resources/resource.service.js';
import type { Asker } from './asker.js';
import { ExecutorClient } from './executor-client.js';
import { type scriptAnswer, scriptRequest, type templateAnswer, templateRequest } from './shapes.js';

/** Templates and scripts by themselves, over data of one's own. */
@Injectable()
export class Processors {
  constructor(
    @Inject(ResourceService) private readonly resources: ResourceService,
    @Inject(ExecutorClient) private readonly executor: ExecutorClient,
  ) {}

  async handlebars(asker: Asker, body: unknown): Promise<z.infer<typeof templateAnswer>> {
    const { template, data = {}, target = 'text' } = parseBody(templateRequest, body);
    const { text, error } = await this.executor.ask(asker, { kind: 'template', template, target, data });
    return { ...(text === undefined ? {} : { data: text }), errors: problemsOf(error) };
  }

  async javascript(asker: Asker, body: unknown): Promise<z.infer<typeof scriptAnswer>> {
    const { _scriptId, content, function: name, options = {} } = parseBody(scriptRequest, body);
    if ((_scriptId === undefined) === (content === undefined)) {
      throw ApiError.of(apiCodes.invalid_request, 'Send either _scriptId or content.', '_scriptId');
    }
    const source = content ?? (await this.#contentOf(asker, _scriptId!));
    const { value, error, logs } = await this.executor.ask(asker, {
      kind: 'script',
      content: source,
      function: name,
      options,
    });
    return {
      ...(value === undefined ? {} : { data: value }),
      errors: problemsOf(error),
      logs: logs.map(({ time, ...line }) => ({ ...line, time: new Date(time).toISOString() })),
    };
  }

  async #contentOf({ caller }: Asker, scriptId: string): Promise<string> {
    const { content } = await this.resources.stored(caller.accountId, 'scripts', scriptId);
    return typeof content === 'string' ? content : '';
  }
}

function problemsOf(error: TryOutReason | undefined): TryOutReason[] {
  return error === undefined ? [] : [problemOf(error)];
}
