import { z } from 'zod';
import {
  aliases,
  anyObject,
  instant,
  nameOf,
  ref,
  serverFields,
  settingsFields,
  settingsForm,
  sharedFields,
} from './fields.js';

const grouping = z.object({
  _id: z.string().optional(),
  name: z.string().min(1),
  settings: anyObject().optional(),
  settingsForm: settingsForm().optional(),
});

const steps = () => z.array(anyObject());

/** What a client may write. Reference: resources §2. */
export const integrationInput = z.object({
  name: nameOf(100),
  ...sharedFields,
  ...settingsFields,
  readme: z.string().max(51_200).optional(),
  flowGroupings: z.array(grouping).optional(),
  apiGroupings: z.array(grouping).optional(),
  aliases: aliases().optional(),
  _parentId: ref().optional(),
  childDisplayName: z.string().optional(),
  install: steps().optional(),
  installSteps: steps().optional(),
  uninstallSteps: steps().optional(),
  changeEditionSteps: steps().optional(),
  initChild: anyObject().optional(),
  update: anyObject().optional(),
  mode: z.enum(['install', 'settings', 'uninstall']).optional(),
  version: z.string().optional(),
  tag: z.string().optional(),
  updateInProgress: z.boolean().optional(),
  celigoAgentAutoRunMode: z.unknown().optional(),
  iLMIgnore: z.unknown().optional(),
  syncs: z.unknown().optional(),
});

export const integration = integrationInput.extend({
  ...serverFields,
  _registeredConnectionIds: z.array(z.string()).optional(),
  _registeredLookupCacheIds: z.array(z.string()).optional(),
  resolvedAt: instant().optional(),
  offline: z.boolean().optional(),
  numFlows: z.number().int().optional(),
  numError: z.number().int().optional(),
  numRegisteredConnections: z.number().int().optional(),
  numOfflineConnections: z.number().int().optional(),
  lastErrorAt: instant().optional(),
});
export type Integration = z.infer<typeof integration>;
