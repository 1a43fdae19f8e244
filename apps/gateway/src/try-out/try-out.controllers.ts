import { Body, Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import type { z } from 'zod';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { type Asker, CurrentAsker } from './asker.js';
import { ExportTryOuts } from './export-try-outs.js';
import { FlowTestRuns } from './flow-test-runs.js';
import { ImportTryOuts } from './import-try-outs.js';
import { Processors } from './processors.js';
import type {
  exportPreviewAnswer,
  importPreviewAnswer,
  importResponses,
  lookupResponses,
  mappedRecords,
  pagedExportAnswer,
  scriptAnswer,
  templateAnswer,
  testExchangesAnswer,
  testRunAnswer,
  testStepAnswer,
  virtualExportAnswer,
} from './shapes.js';
import { TestRunResults } from './test-run-results.js';

type Answer<S extends z.ZodType> = Promise<z.infer<S>>;

/** Exports and imports that are not stored, on a connection that is. Reference: resources §6.1. */
@Controller('v1/connections/:id')
export class VirtualStepController {
  constructor(
    @Inject(ExportTryOuts) private readonly exports: ExportTryOuts,
    @Inject(ImportTryOuts) private readonly imports: ImportTryOuts,
  ) {}

  @Post('export')
  @HttpCode(200)
  export(
    @CurrentAsker() asker: Asker,
    @Param('id') id: string,
    @Body() body: unknown,
  ): Answer<typeof virtualExportAnswer | typeof lookupResponses> {
    return this.exports.virtual(asker, id, body);
  }

  @Post('export/pages')
  @HttpCode(200)
  exportPages(
    @CurrentAsker() asker: Asker,
    @Param('id') id: string,
    @Body() body: unknown,
  ): Answer<typeof pagedExportAnswer> {
    return this.exports.virtualPage(asker, id, body);
  }

  @Post('import')
  @HttpCode(200)
  import(@CurrentAsker() asker: Asker, @Param('id') id: string, @Body() body: unknown): Answer<typeof importResponses> {
    return this.imports.virtual(asker, id, body);
  }

  @Post('import/map')
  @HttpCode(200)
  importMap(
    @CurrentAsker() asker: Asker,
    @Param('id') id: string,
    @Body() body: unknown,
  ): Answer<typeof mappedRecords> {
    return this.imports.virtualMap(asker, id, body);
  }
}

/** Reference: resources §4.1. */
@Controller('v1/exports')
export class ExportTryOutController {
  constructor(@Inject(ExportTryOuts) private readonly exports: ExportTryOuts) {}

  @Post('preview')
  @HttpCode(200)
  preview(@CurrentAsker() asker: Asker, @Body() body: unknown): Answer<typeof exportPreviewAnswer> {
    return this.exports.preview(asker, body);
  }

  @Post(':id/invoke')
  @HttpCode(200)
  invoke(
    @CurrentAsker() asker: Asker,
    @Param('id') id: string,
    @Body() body: unknown,
  ): Answer<typeof pagedExportAnswer | typeof lookupResponses> {
    return this.exports.invoke(asker, id, body);
  }
}

/** Reference: resources §5.1. */
@Controller('v1/imports')
export class ImportTryOutController {
  constructor(@Inject(ImportTryOuts) private readonly imports: ImportTryOuts) {}

  @Post('preview')
  @HttpCode(200)
  preview(@CurrentAsker() asker: Asker, @Body() body: unknown): Answer<typeof importPreviewAnswer> {
    return this.imports.preview(asker, body);
  }

  @Post(':id/invoke')
  @HttpCode(200)
  invoke(@CurrentAsker() asker: Asker, @Param('id') id: string, @Body() body: unknown): Answer<typeof importResponses> {
    return this.imports.invoke(asker, id, body);
  }
}

/** Reference: resources §3.1, runtime §21. */
@Controller('v1/flows')
export class FlowTestRunController {
  constructor(
    @Inject(FlowTestRuns) private readonly runs: FlowTestRuns,
    @Inject(TestRunResults) private readonly results: TestRunResults,
  ) {}

  @Post(':id/test/run')
  @HttpCode(200)
  run(@CurrentAsker() asker: Asker, @Param('id') id: string, @Body() body: unknown): Answer<typeof testRunAnswer> {
    return this.runs.run(asker, id, body);
  }

  @Get(':id/test/run/:runId/:stepId')
  step(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Param('runId') runId: string,
    @Param('stepId') stepId: string,
  ): Answer<typeof testStepAnswer> {
    return this.results.step(caller, id, runId, stepId);
  }

  @Get(':id/test/run/:runId/:stepId/logs/requestAndResponse')
  exchanges(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Param('runId') runId: string,
    @Param('stepId') stepId: string,
  ): Answer<typeof testExchangesAnswer> {
    return this.results.exchanges(caller, id, runId, stepId);
  }
}

@Controller('v1/processors')
export class ProcessorController {
  constructor(@Inject(Processors) private readonly processors: Processors) {}

  @Post('handlebars')
  @HttpCode(200)
  handlebars(@CurrentAsker() asker: Asker, @Body() body: unknown): Answer<typeof templateAnswer> {
    return this.processors.handlebars(asker, body);
  }

  @Post('javascript')
  @HttpCode(200)
  javascript(@CurrentAsker() asker: Asker, @Body() body: unknown): Answer<typeof scriptAnswer> {
    return this.processors.javascript(asker, body);
  }
}
