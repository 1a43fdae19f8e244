export * from './create-gateway.js';
export type { ConnectionTester, GatewayConfig, GatewayDeps, PingAnswer } from './deps.js';
