export * from './codes.js';
export { HostCallError, type Host, type HostCall } from './host-calls.js';
export * from './limits.js';
export { hostFunctionNames, type HostFunctionName } from './protocol.js';
export * from './sandbox.js';
