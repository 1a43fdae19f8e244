import { Migration001Initial } from './001-initial.js';
import { Migration002Routers } from './002-routers.js';
import { Migration003ScriptLogs } from './003-script-logs.js';

/** In the order in which they run. A name, once released, never changes. */
export const migrations = [Migration001Initial, Migration002Routers, Migration003ScriptLogs];
