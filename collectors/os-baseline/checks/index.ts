import { accountChecks } from './accounts.js';
import { authenticationChecks } from './authentication.js';
import { bootChecks } from './boot.js';
import type { Check } from './check.js';
import { filePermissionChecks } from './file-permissions.js';
import { fileScanChecks } from './file-scan.js';
import { homeChecks } from './homes.js';
import { kernelHardeningChecks } from './kernel-hardening.js';
import { kernelModuleChecks } from './kernel-modules.js';
import { kernelParameterChecks } from './kernel-parameters.js';
import { listenerChecks } from './listeners.js';
import { mountOptionChecks } from './mount-options.js';
import { networkParameterChecks } from './network-parameters.js';
import { passwordChecks } from './passwords.js';
import { securityModuleChecks } from './security-modules.js';
import { packageChecks } from './packages.js';
import { serviceChecks } from './services.js';
import { sshFileChecks } from './ssh-files.js';
import { sshSettingChecks } from './ssh-settings.js';
import { containerChecks } from './containers.js';
import { debugChecks } from './debug-interfaces.js';
import { jobChecks } from './jobs.js';
import { loggingChecks } from './logging.js';
import { networkChecks } from './network.js';
import { updateChecks } from './updates.js';

/** Every check of the baseline. A new file of checks is a line here. */
export const baselineChecks: readonly Check[] = [
  ...mountOptionChecks,
  ...bootChecks,
  ...kernelHardeningChecks,
  ...securityModuleChecks,
  ...kernelModuleChecks,
  ...kernelParameterChecks,
  ...networkParameterChecks,
  ...filePermissionChecks,
  ...passwordChecks,
  ...authenticationChecks,
  ...accountChecks,
  ...homeChecks,
  ...sshSettingChecks,
  ...sshFileChecks,
  ...fileScanChecks,
  ...serviceChecks,
  ...packageChecks,
  ...listenerChecks,
  ...networkChecks,
  ...loggingChecks,
  ...jobChecks,
  ...updateChecks,
  ...debugChecks,
  ...containerChecks,
];
