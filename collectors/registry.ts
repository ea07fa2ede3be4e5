import { connectedHardware } from './connected-hardware/index.js';
import { connectionCreate } from './connection-create/index.js';
import { fileChange } from './file-change/index.js';
import { firewallConfiguration } from './firewall-configuration/index.js';
import type { Collector } from './interface/collector.js';
import { listeningPorts } from './listening-ports.js';
import { localUsers } from './local-users/index.js';
import { login } from './login/index.js';
import { osBaseline } from './os-baseline/index.js';
import { processCreate } from './process-create/index.js';
import { processTerminate } from './process-terminate.js';
import { softwareInventory } from './software-inventory/index.js';
import { stateChange } from './state-change/index.js';
import { systemInformation } from './system-information/index.js';

/** Every collector there is; the event, the file and the setting share a name. */
export const collectors: readonly Collector[] = [
  connectedHardware,
  connectionCreate,
  fileChange,
  firewallConfiguration,
  listeningPorts,
  localUsers,
  login,
  osBaseline,
  processCreate,
  processTerminate,
  softwareInventory,
  stateChange,
  systemInformation,
];
