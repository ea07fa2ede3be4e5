import { join } from 'node:path';
import { systemClock } from '../../base/clock.js';
import { reasonOf } from '../../base/errors.js';
import { exitCodes } from '../../base/exit-codes.js';
import { printable } from '../../base/text.js';
import { isUnavailable } from '../../base/unavailable.js';
import { foreignNote } from '../../collectors/kernel/audit/change-note.js';
import { takeBackAudit } from '../../collectors/kernel/audit/take-back.js';
import { loadLibc } from '../../collectors/kernel/libc.js';
import { hostPaths } from '../../collectors/kernel/paths.js';
import { readBootId } from '../../collectors/kernel/processes/proc.js';
import { findInstances, removeInstances } from '../../collectors/kernel/trace/trace-setup.js';
import { standardLocalSettings } from '../../config/parse-local-settings.js';
import { readLocalSettings, defaultConfigFile } from '../../config/read-local-settings.js';
import { changeNoteName } from '../state/state-directory.js';
import { configOption, type Command } from './command.js';

export const hostRestoreCommand: Command = {
  name: 'host-restore',
  meaning:
    'As root, after the service: takes back what an agent that crashed changed in the kernel.',
  options: { config: configOption },
  run: async (parsed) => {
    const read = await readLocalSettings(parsed.text('config') ?? defaultConfigFile);
    // A configuration that has become unusable since is no reason to leave anything behind.
    const { stateDirectory } = 'settings' in read ? read.settings : standardLocalSettings();
    const problems: string[] = [];
    const warn = (sentence: string): void => {
      problems.push(sentence);
      process.stderr.write(`${printable(sentence)}\n`);
    };
    await restoreHost(stateDirectory, warn);
    return problems.length === 0 ? exitCodes.stopped : exitCodes.crashed;
  },
};

/**
 * Takes back what an agent changed in the kernel.
 * @param warn something is left; what and why, in a sentence
 */
export async function restoreHost(
  stateDirectory: string,
  warn: (sentence: string) => void,
): Promise<void> {
  restoreTracing(warn);
  await restoreAudit(join(stateDirectory, changeNoteName), warn);
}

/** @param warn something is left; what and why, in a sentence */
export function restoreTracing(
  warn: (sentence: string) => void,
  mountPoints?: readonly string[],
): void {
  const instances = findInstances(mountPoints);
  if (isUnavailable(instances)) return;
  try {
    const left = removeInstances(instances.path);
    if (left.length > 0)
      warn(`Somebody still reads ${left.join(', ')} in ${instances.path}, which therefore stays.`);
  } catch (error) {
    warn(`The trace of connections in ${instances.path} could not be removed: ${reasonOf(error)}.`);
  }
}

async function restoreAudit(noteFile: string, warn: (sentence: string) => void): Promise<void> {
  const libc = await loadLibc();
  if (isUnavailable(libc)) {
    warn(libc.unavailable);
    return;
  }
  try {
    await takeBackAudit({
      libc,
      clock: systemClock,
      note: foreignNote(noteFile, readBootId(hostPaths)),
      onProblem: (sentence) => warn(`Kernel audit may be left changed: ${sentence}`),
    });
  } catch (error) {
    warn(`Kernel audit may be left changed: ${reasonOf(error)}.`);
  }
}
