import { type DynamicModule, Module } from '@nestjs/common';
import { resourceTypes } from '#model';
import { AccessTokenExtras } from './access-tokens/access-token-extras.js';
import { TokenCache } from './auth/token-cache.js';
import { TokenInfoController } from './auth/token-info.controller.js';
import { ConnectionExtras } from './connections/connection-extras.js';
import { PingController } from './connections/ping.controller.js';
import { PingService } from './connections/ping.service.js';
import { GATEWAY_DEPS, type GatewayDeps } from './deps.js';
import { StepErrorController } from './flows/errors/step-error.controller.js';
import { StepErrorService } from './flows/errors/step-error.service.js';
import { FlowExtras } from './flows/flow-extras.js';
import { FlowRunController } from './flows/flow-run.controller.js';
import { StartableFlows } from './flows/run/startable-flows.js';
import { StartRunService } from './flows/run/start-run.service.js';
import { HealthController } from './health/health.controller.js';
import { IntegrationChildrenController } from './integrations/integration-children.controller.js';
import { IntegrationExtras } from './integrations/integration-extras.js';
import { RegistrationController } from './integrations/registration.controller.js';
import { RegistrationService } from './integrations/registration.service.js';
import { JobEvents } from './jobs/job-events.js';
import { JobController } from './jobs/job.controller.js';
import { JobService } from './jobs/job.service.js';
import { OpenApiController } from './openapi/openapi.controller.js';
import { DocumentReader } from '#store/document-reader';
import { resourceController } from './resources/resource.controller.js';
import { PreSave } from './resources/pre-save.js';
import { ResourceChanges } from './resources/resource-changes.js';
import { ResourceFunctions } from './resources/resource-functions.js';
import { ResourceService } from './resources/resource.service.js';
import { settingsFormController } from './resources/settings-form.controller.js';
import { SettingsForms } from './resources/settings-form.js';
import { typesWithForms } from './resources/types-with-forms.js';
import { exportExtras, importExtras } from './resources/step-extras.js';
import { ScriptLogController } from './scripts/script-log.controller.js';
import { ScriptLogService } from './scripts/script-log.service.js';
import { TYPE_EXTRAS, type TypeExtras } from './resources/type-extras.js';
import { StateController } from './state/state.controller.js';
import { StateService } from './state/state.service.js';
import { StackExtras } from './stacks/stack-extras.js';
import { SystemTokenController } from './stacks/system-token.controller.js';
import { ExecutorClient } from './try-out/executor-client.js';
import { ExportTryOuts } from './try-out/export-try-outs.js';
import { FlowTestRuns } from './try-out/flow-test-runs.js';
import { ImportTryOuts } from './try-out/import-try-outs.js';
import { Processors } from './try-out/processors.js';
import { StepPlans } from './try-out/step-plans.js';
import { TestRunResults } from './try-out/test-run-results.js';
import {
  ExportTryOutController,
  FlowTestRunController,
  ImportTryOutController,
  ProcessorController,
  VirtualStepController,
} from './try-out/try-out.controllers.js';

const resources = [
  ...Object.values(resourceTypes).map((type) => resourceController(type)),
  ...typesWithForms.map((type) => settingsFormController(type)),
  IntegrationChildrenController,
  RegistrationController,
];
const runs = [FlowRunController, JobController, StepErrorController, ScriptLogController, StateController];
const tryOuts = [
  VirtualStepController,
  ExportTryOutController,
  ImportTryOutController,
  FlowTestRunController,
  ProcessorController,
];
const others = [PingController, SystemTokenController, TokenInfoController, OpenApiController, HealthController];

const extras = [AccessTokenExtras, ConnectionExtras, FlowExtras, IntegrationExtras, StackExtras];
const services = [
  RegistrationService,
  ResourceChanges,
  ResourceService,
  PreSave,
  ResourceFunctions,
  SettingsForms,
  PingService,
  StartableFlows,
  StartRunService,
  JobService,
  JobEvents,
  StepErrorService,
  ScriptLogService,
  StateService,
  ExecutorClient,
  StepPlans,
  ExportTryOuts,
  ImportTryOuts,
  FlowTestRuns,
  TestRunResults,
  Processors,
];

@Module({})
export class GatewayModule {
  static with(deps: GatewayDeps): DynamicModule {
    return {
      module: GatewayModule,
      controllers: [...tryOuts, ...resources, ...runs, ...others],
      providers: [
        { provide: GATEWAY_DEPS, useValue: deps },
        { provide: DocumentReader, useValue: new DocumentReader(deps.store.documents) },
        { provide: TokenCache, useValue: new TokenCache(deps.store.accounts, deps.config.tokenCacheMs ?? 5_000) },
        ...extras,
        {
          provide: TYPE_EXTRAS,
          useFactory: (...own: TypeExtras[]) => [...own, exportExtras, importExtras],
          inject: extras,
        },
        ...services,
      ],
    };
  }
}
