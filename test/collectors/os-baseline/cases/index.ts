import type { CheckCases } from '../judged.js';
import { accountCases } from './accounts.js';
import { bootCases } from './boot.js';
import { filePermissionCases } from './file-permissions.js';
import { fileScanCases } from './file-scan.js';
import { homeCases } from './homes.js';
import { kernelHardeningCases } from './kernel-hardening.js';
import { kernelModuleCases } from './kernel-modules.js';
import { mountOptionCases } from './mount-options.js';
import { parameterCases } from './parameters.js';
import { listenerCases, packageCases, serviceCases } from './services.js';
import { authenticationCases } from './authentication.js';
import { sshCases } from './ssh.js';
import { deviceCases } from './device.js';

/** The cases of every check by its id. A new file of cases is a line here. */
export const checkCases: Readonly<Record<string, CheckCases>> = {
  ...mountOptionCases,
  ...kernelModuleCases,
  ...parameterCases,
  ...filePermissionCases,
  ...accountCases,
  ...homeCases,
  ...sshCases,
  ...authenticationCases,
  ...fileScanCases,
  ...bootCases,
  ...kernelHardeningCases,
  ...serviceCases,
  ...packageCases,
  ...listenerCases,
  ...deviceCases,
};
