import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../base/clock.js';
import { CommandError, exitCodes } from '../../base/exit-codes.js';
import type { LogOutput } from '../../base/log-output.js';
import { createLog, logTarget, type Log } from '../../base/log.js';
import type { Unavailable } from '../../base/unavailable.js';
import { WakingClock } from '../../base/waking-clock.js';
import { type Libc, loadLibc } from '../../collectors/kernel/libc.js';
import type { LocalSettings } from '../../config/local-settings.js';
import { readLocalSettings, defaultConfigFile } from '../../config/read-local-settings.js';
import { Agent } from '../composition/agent.js';
import { createCredentialSource } from '../identity/credential-source.js';
import { CredentialError } from '../identity/credentials/credential-error.js';
import { surroundingsOf } from '../identity/modes/surroundings.js';
import { SpoolLockedError } from '../spool/lock.js';
import { reportCrash } from '../supervisor/crash-report.js';
import { Service } from '../supervisor/service.js';
import { configOption, type Command } from './command.js';

export const runCommand: Command = {
  name: 'run',
  meaning: 'Runs the agent in the foreground, until SIGTERM or SIGINT.',
  options: {
    config: configOption,
  },
  run: async (parsed) => {
    const configFile = parsed.text('config') ?? defaultConfigFile;
    const read = await readLocalSettings(configFile);
    if ('problems' in read) {
      const sentences = read.problems.map(({ message }) => message);
      throw new CommandError(sentences.join('\n'), exitCodes.configuration);
    }
    await checkCredentials(read.settings, configFile);
    const target = logTarget(systemClock, process.env);
    const log = createLog(read.settings.logLevel, target);
    const libc = await loadLibc();
    const service = new Service({
      libc,
      clock: systemClock,
      log,
      environment: process.env,
      ownPid: process.pid,
    });
    return runUntilStopped(read.settings, log, target.output, libc, service);
  },
};

/** A credential that cannot work is told at once; later ones only delay the connection. */
async function checkCredentials(local: LocalSettings, configFile: string): Promise<void> {
  try {
    const surroundings = surroundingsOf(process.env, local.requestTimeout.ms);
    await createCredentialSource(local, surroundings).check();
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error;
    throw new CommandError(
      `${configFile}: ${error.message}`,
      error.kind === 'malformed' ? exitCodes.configuration : exitCodes.noPermission,
    );
  }
}

/**
 * So long a start that found another agent lasts under a service manager, which would do the same again within seconds
 * where its delays do not grow. Not for good: what holds the directory may be a process that a disk keeps from ending.
 */
const inUseMs = 30_000;

/** A crash gets this long to undo what was changed in the kernel. */
const crashDeadlineMs = 3_000;

/** Why it ends; neither means that it was asked to. */
interface End {
  readonly crash?: unknown;
  readonly isInUse?: true;
}

async function runUntilStopped(
  local: LocalSettings,
  log: Log,
  logOutput: LogOutput,
  libc: Libc | Unavailable,
  service: Service,
): Promise<number> {
  const agent = new Agent({
    local,
    log,
    logOutput,
    libc,
    onStatusLine: () => service.statusChanged(),
    clock: new WakingClock(),
    random: Math.random,
    environment: process.env,
  });
  const ended = new Promise<End>((resolve) => {
    process.once('SIGTERM', () => resolve({}));
    process.once('SIGINT', () => resolve({}));
    // Each time: a second one must not keep what the first one began from undoing what was changed in the kernel.
    process.on('uncaughtException', (crash) => resolve({ crash }));
    process.on('unhandledRejection', (crash) => resolve({ crash }));
  });
  // The agent's timers do not keep a process alive, and there may be no socket to do so.
  setInterval(() => undefined, 0x7fff_ffff);
  // A terminal that went away must not end the agent before it has undone its changes.
  process.on('SIGHUP', () => undefined);
  // Neither must a log that nobody reads any more: without a listener EPIPE is thrown (Node, "error" of streams).
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  service.starting();
  const started = agent.start();
  started.then(
    () => service.ready({ checks: agent.progressChecks(), status: () => agent.statusLine() }),
    () => undefined,
  );
  const lockedOut = async (error: unknown): Promise<End> => {
    if (!(error instanceof SpoolLockedError)) throw error;
    log.error(error.message);
    if (service.isSupervised) await delay(inUseMs);
    return { isInUse: true };
  };
  const { crash, isInUse } = await Promise.race([ended, started.then(() => ended, lockedOut)]);
  if (isInUse === true) return exitCodes.inUse;
  service.stopping();
  if (crash === undefined) {
    log.info('The agent was asked to stop.');
    await started.catch(() => undefined);
    await agent.stop();
    log.info('The agent has stopped.');
    return exitCodes.stopped;
  }
  const { frames, headline } = reportCrash(crash);
  log.error(`The agent stops because of a defect: ${headline}`);
  // Shown at the default level: a crash on a device seldom happens twice for somebody who asks for more.
  for (const frame of frames) log.info(`Where the defect showed: ${frame}`);
  await Promise.race([agent.stop('crashed'), delay(crashDeadlineMs)]);
  return exitCodes.crashed;
}
