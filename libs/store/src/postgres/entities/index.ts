import { AccessToken, Account, Ashare, User } from './accounts.js';
import { ChangeCounter, Document } from './documents.js';
import { HttpExchange, RetryData, StepError } from './errors.js';
import { DeltaCheckpoint, Firing, Job, RunPlan } from './jobs.js';
import { ConsumerPosition, GeneratorHead, PageResult } from './ledger.js';
import { ScriptLogLine } from './script-logs.js';
import { StateEntry } from './state.js';
import { TestRunStep } from './test-runs.js';

export {
  AccessToken,
  Account,
  Ashare,
  ChangeCounter,
  DeltaCheckpoint,
  Document,
  Firing,
  HttpExchange,
  Job,
  RetryData,
  RunPlan,
  ScriptLogLine,
  StateEntry,
  StepError,
  TestRunStep,
  User,
};

/** Every table of the store. */
export const entities = [
  Account,
  User,
  Ashare,
  AccessToken,
  Document,
  ChangeCounter,
  Job,
  RunPlan,
  Firing,
  DeltaCheckpoint,
  PageResult,
  GeneratorHead,
  ConsumerPosition,
  StepError,
  RetryData,
  HttpExchange,
  ScriptLogLine,
  StateEntry,
  TestRunStep,
];
