import { Body, Controller, Get, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Job } from '#model';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { JobService } from '../jobs/job.service.js';
import { StartRunService } from './run/start-run.service.js';

@Controller('v1/flows/:id')
export class FlowRunController {
  constructor(
    @Inject(StartRunService) private readonly starts: StartRunService,
    @Inject(JobService) private readonly jobs: JobService,
  ) {}

  @Post('run')
  @HttpCode(201)
  async run(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<{ readonly _jobId: string }> {
    return { _jobId: await this.starts.start(caller, id, body, request.span) };
  }

  @Get('jobs/latest')
  async latest(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<readonly Job[] | undefined> {
    const jobs = await this.jobs.latestOf(caller, id);
    if (jobs.length > 0) return jobs;
    void reply.code(204);
    return undefined;
  }

  @Post('jobs/cancel')
  @HttpCode(204)
  cancel(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<void> {
    return this.jobs.cancelOf(caller, id);
  }
}
