import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GATEWAY_DEPS, type GatewayDeps } from '../deps.js';
import { notFound } from '../http/refusals.js';

@Controller()
export class HealthController {
  constructor(@Inject(GATEWAY_DEPS) private readonly deps: GatewayDeps) {}

  /** The own process only: a dead dependency is no reason to restart. */
  @Get('livez')
  live(): object {
    return { status: 'ok' };
  }

  @Get('readyz')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    const checks = await this.states();
    const ready = Object.values(checks).every(Boolean);
    void reply.code(ready ? 200 : 503);
    return { status: ready ? 'ready' : 'not_ready', checks };
  }

  @Get('metrics')
  metrics(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    const { handleMetrics } = this.deps;
    if (!handleMetrics) throw notFound('metrics endpoint');
    reply.hijack();
    handleMetrics(request.raw, reply.raw);
  }

  private async states(): Promise<Readonly<Record<string, boolean>>> {
    const { readiness, store, bus } = this.deps;
    if (readiness) return readiness();
    const [isStoreUp, isBusUp] = await Promise.all([isUp(store), isUp(bus)]);
    return { store: isStoreUp, bus: isBusUp };
  }
}

/** A dependency whose check fails is not ready, whatever the reason. */
function isUp(dependency: { isReady(): Promise<boolean> }): Promise<boolean> {
  return dependency.isReady().catch(() => false);
}
