import type { Collector } from './collector.js';
import { connectionCreate } from './connection-create.js';
import { listeningPorts } from './listening-ports.js';
import { login } from './login.js';
import { processCreate } from './process-create.js';
import { processTerminate } from './process-terminate.js';

/** Every collector there is; the event, the file and the setting share a name. */
export const collectors: readonly Collector[] = [
  connectionCreate,
  listeningPorts,
  login,
  processCreate,
  processTerminate,
];
