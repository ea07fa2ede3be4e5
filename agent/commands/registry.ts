import { baselineCommand } from './baseline.js';
import { checkConfigCommand } from './check-config.js';
import { collectCommand } from './collect.js';
import type { Command } from './command.js';
import { doctorCommand } from './doctor.js';
import { enrollCommand } from './enroll.js';
import { historyCommand } from './history.js';
import { hostRestoreCommand } from './host-restore.js';
import { hostSetupCommand } from './host-setup.js';
import { importCommand } from './import.js';
import { inventoryCommand } from './inventory.js';
import { localHubCommand } from './local-hub.js';
import { replayCommand } from './replay.js';
import { rulesCommand } from './rules.js';
import { runCommand } from './run.js';
import { sbomCommand } from './sbom.js';
import { statusCommand } from './status.js';
import { wipeCommand } from './wipe.js';

/** Every verb of the command line, in the order of the help. */
export const commands: readonly Command[] = [
  runCommand,
  statusCommand,
  enrollCommand,
  importCommand,
  doctorCommand,
  historyCommand,
  collectCommand,
  baselineCommand,
  sbomCommand,
  replayCommand,
  rulesCommand,
  checkConfigCommand,
  hostSetupCommand,
  hostRestoreCommand,
  wipeCommand,
  inventoryCommand,
  localHubCommand,
];
