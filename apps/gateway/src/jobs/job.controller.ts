import { Controller, Delete, Get, Inject, Param, Put, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ChildJob, Job } from '#model';
import { type Caller, CurrentCaller } from '../http/caller.js';
import type { QueryString } from '../resources/list-query.js';
import { JobEvents } from './job-events.js';
import { parseJobQuery } from './job-query.js';
import { JobService } from './job.service.js';

/** Reference: resources §13, decisions 9 and 10. */
@Controller('v1/jobs')
export class JobController {
  constructor(
    @Inject(JobService) private readonly jobs: JobService,
    @Inject(JobEvents) private readonly jobEvents: JobEvents,
  ) {}

  @Get()
  async list(
    @CurrentCaller() caller: Caller,
    @Query() query: QueryString,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<readonly ChildJob[] | undefined> {
    const jobs = await this.jobs.list(caller, parseJobQuery(query));
    if (jobs.length > 0) return jobs;
    void reply.code(204);
    return undefined;
  }

  @Get(':id')
  get(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<Job> {
    return this.jobs.get(caller, id);
  }

  @Get(':id/family')
  family(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<Job> {
    return this.jobs.get(caller, id);
  }

  @Put(':id/cancel')
  cancel(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<Job> {
    return this.jobs.cancel(caller, id);
  }

  /** An alias that published clients use. */
  @Delete(':id')
  cancelByDelete(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<Job> {
    return this.jobs.cancel(caller, id);
  }

  @Get(':id/events')
  async events(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.jobEvents.open(caller, id, request, reply);
  }
}
