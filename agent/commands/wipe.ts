import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { CommandError, exitCodes } from '../../base/exit-codes.js';
import { printable } from '../../base/text.js';
import { isUnavailable } from '../../base/unavailable.js';
import { standardLocalSettings } from '../../config/parse-local-settings.js';
import { defaultConfigFile, readLocalSettings } from '../../config/read-local-settings.js';
import { hindrance } from '../doctor/own-connection.js';
import { stateNames } from '../state/state-directory.js';
import { askStatus } from '../status/client.js';
import { statusSocket } from '../status/service.js';
import { agentUnit, openSystemdManager } from '../supervisor/systemd-manager.js';
import type { Removal, Removed } from '../wipe/remove-tree.js';
import { listTraces, removeTraces } from '../wipe/wipe.js';
import { configOption, type Command } from './command.js';
import { restoreHost } from './host-restore.js';

const agreement = 'wipe';
const stopIt = `stop it for good with systemctl disable --now ${agentUnit}, then run this again as root; nothing was removed`;

export const wipeCommand: Command = {
  name: 'wipe',
  meaning:
    'As root, with the agent stopped: removes its configuration, secrets, state and changes of the kernel for good.',
  options: {
    config: configOption,
    'dry-run': { type: 'boolean', meaning: 'Only list what would be removed.' },
    yes: { type: 'boolean', meaning: 'Do not ask.' },
  },
  exitCodes: {
    [exitCodes.stopped]: 'Nothing of it is left, or nothing was to be removed.',
    [exitCodes.crashed]: 'Something could not be removed, or was left because others may need it.',
    [exitCodes.inUse]: 'The agent runs; nothing was removed.',
  },
  run: (parsed) =>
    wipe({
      configFile: parsed.text('config') ?? defaultConfigFile,
      dryRun: parsed.flag('dry-run'),
      agreed: parsed.flag('yes'),
      ask,
      restore: (stateDirectory, warn) => restoreHost(stateDirectory, warn),
      write: (line) => void process.stdout.write(`${printable(line)}\n`),
      warn: (line) => void process.stderr.write(`${printable(line)}\n`),
    }),
};

interface WipeCommandOptions {
  readonly configFile: string;
  readonly dryRun: boolean;
  /** Nobody is asked. */
  readonly agreed: boolean;
  /** The answer to a question; undefined where there is nobody to answer it. */
  readonly ask: (question: string) => Promise<string | undefined>;
  /** Takes back what the agent changed in the kernel. */
  readonly restore: (stateDirectory: string, warn: (sentence: string) => void) => Promise<void>;
  readonly write: (line: string) => void;
  readonly warn: (line: string) => void;
}

/** @throws CommandError when the agent runs, or nobody agreed; then nothing was changed */
export async function wipe(options: WipeCommandOptions): Promise<number> {
  const { configFile, dryRun, warn, write } = options;
  const read = await readLocalSettings(configFile);
  // Elsewhere it may be any file or directory, named by mistake; and where the agent's state is, it alone would tell.
  if (!('settings' in read) && dirname(resolve(configFile)) !== dirname(defaultConfigFile))
    throw new CommandError(
      `${configFile} cannot be read as the agent's settings; name the right file, or leave --config out where the agent has its standard directories. Nothing was removed.`,
      exitCodes.configuration,
    );
  if (!('settings' in read))
    warn(
      `${configFile} cannot be read as settings, so that the standard directories are taken; what it named elsewhere stays.`,
    );
  const settings = 'settings' in read ? read.settings : standardLocalSettings();
  const { runtimeDirectory, stateDirectory } = settings;
  if (!dryRun) await refuseWhileRunning(configFile, runtimeDirectory, stateDirectory);
  const planned = await listTraces({ configFile, settings });
  if (dryRun) {
    tell(planned, write, 'would be removed', 'would stay');
    return exitCodes.stopped;
  }
  if (planned.removed.length > 0 && !options.agreed) {
    tell(planned, write, 'will be removed', 'will stay');
    const answer = await options.ask(`Remove all of this for good? Type ${agreement} to do so: `);
    if (answer === undefined)
      throw new CommandError(
        'There is nobody to ask; run this with --yes to remove it without a question. Nothing was removed.',
        exitCodes.configuration,
      );
    if (answer.trim().toLowerCase() !== agreement)
      throw new CommandError('Nothing was removed.', exitCodes.crashed);
  }
  const kernel: string[] = [];
  await options.restore(stateDirectory, (sentence) => {
    kernel.push(sentence);
    warn(sentence);
  });
  const done = await removeTraces({ configFile, settings, keepChangeNote: kernel.length > 0 });
  tell(done, write, 'removed', 'stays');
  if (kernel.length > 0)
    warn(
      `The kernel may still be changed; ${join(stateDirectory, stateNames.changeNote)} says what and stays where it is there. A restart of the device undoes it.`,
    );
  if (done.left.length > 0 && process.geteuid?.() !== 0)
    warn('What other users own can be removed by root alone: run this again as root.');
  for (const sentence of leftToOthers) write(sentence);
  return done.left.length + kernel.length > 0 ? exitCodes.crashed : exitCodes.stopped;
}

/** What is not on this device, or not the agent's to remove. */
const leftToOthers = [
  'Left to the package manager: the program, its units and its user (apt purge iot-security-agent iot-security-agent-node), and to systemd: what was changed with systemctl edit, and lines in the journal.',
  'Left to the hub: the module, its key and its twin; delete the module there. On flash storage, in copies and in snapshots overwritten secrets may survive below the file system, and only a key that is not valid any more is worth nothing.',
] as const;

async function refuseWhileRunning(
  configFile: string,
  runtimeDirectory: string,
  stateDirectory: string,
): Promise<void> {
  const answer = await askStatus(statusSocket(runtimeDirectory));
  const spool = join(stateDirectory, stateNames.spool);
  const because =
    (await hindrance(answer, spool))?.because.replace(/,? and two clients .*$/, '') ??
    (configFile === defaultConfigFile ? await unitIsActive() : undefined);
  if (because !== undefined)
    throw new CommandError(`This is refused, because ${because}: ${stopIt}.`, exitCodes.inUse);
}

/** Between two attempts to start, nothing but systemd knows that there will be another. */
async function unitIsActive(): Promise<string | undefined> {
  const manager = await openSystemdManager();
  if (isUnavailable(manager)) return undefined;
  const state = manager.state(agentUnit);
  manager.close();
  if (isUnavailable(state) || ['inactive', 'failed'].includes(state.active)) return undefined;
  return `${agentUnit} is ${state.active}`;
}

async function ask(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY) return undefined;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await terminal.question(question);
  } finally {
    terminal.close();
  }
}

function tell(
  { left, removed }: Removal,
  write: (line: string) => void,
  done: string,
  stays: string,
): void {
  if (removed.length === 0) write('Nothing of the agent is left to be removed.');
  for (const entry of removed) write(`${done}: ${entry.path}${detailOf(entry)}`);
  for (const { path, why } of left) write(`${stays}: ${path}: ${why}`);
}

function detailOf({ kind, secret }: Removed): string {
  if (kind === 'directory') return '/';
  if (kind === 'link') return ' (a symbolic link, which was not followed)';
  if (secret === undefined) return '';
  return secret.notOverwritten === undefined
    ? ' (a secret, overwritten first)'
    : ` (a secret, not overwritten, because ${secret.notOverwritten})`;
}
