import { reasonOf } from '../../../base/errors.js';
import { CommandError, exitCodes } from '../../../base/exit-codes.js';
import { type Host, isEnabled, type ServiceState } from './host.js';
import { type Before, hasJournal, type Owner, removeJournal, writeJournal } from './journal.js';
import { forgetFiles, keepFiles } from './kept-files.js';
import type { OldAuditRule } from './old-audit-rules.js';
import { undo } from './undo.js';

interface ReplaceOptions {
  readonly host: Host;
  readonly own: ServiceState;
  /** Those that systemd knows; at least one. */
  readonly old: readonly ServiceState[];
  readonly rules: readonly OldAuditRule[];
  readonly journal: string;
  /** Of the journal's directory, where that is made. */
  readonly stateOwner: Owner | undefined;
  /** The files that `write` replaces. */
  readonly files: readonly string[];
  /** Writes the configuration of this agent. */
  readonly write: () => Promise<void>;
  readonly tell: (sentence: string) => void;
}

/**
 * Puts this agent in the place of the old ones. @throws CommandError
 *
 * 1. How the device was is on disk before anything is changed, so that it can be undone after any end.
 * 2. The old agents have ended before this one starts: the hub knows one client of an identity.
 * 3. When a step fails, all before it are undone; what could not be is said.
 */
export async function replaceOldAgents(options: ReplaceOptions): Promise<void> {
  const { host, journal, own, old, rules, stateOwner, tell } = options;
  if (await hasJournal(journal)) {
    throw new CommandError(
      `${journal} says that an old agent was replaced here before; undo that first, with: iot-security-agent import --undo. Nothing was changed.`,
      exitCodes.configuration,
    );
  }
  const files = await keepFiles(options.files).catch(nothingChanged);
  const before: Before = { own, old, rules, files };
  try {
    await writeJournal(journal, before, stateOwner);
  } catch (error) {
    await removeJournal(journal).catch(() => undefined);
    await forgetFiles(files).catch(() => undefined);
    nothingChanged(error);
  }
  try {
    await run(options);
  } catch (error) {
    tell(`This failed: ${reasonOf(error)}`);
    const left = await undo({ host, before, tell });
    if (left.length === 0) {
      await removeJournal(journal);
      await forgetFiles(files);
    }
    throw new CommandError(
      left.length === 0
        ? `The old agent was not replaced: ${sentence(error)} Everything is as it was.`
        : `The old agent was not replaced: ${sentence(error)} Not all could be undone: ${left.join('; ')}. Mend that and run: iot-security-agent import --undo`,
      exitCodes.crashed,
    );
  }
}

async function run(options: ReplaceOptions): Promise<void> {
  const { host, old, own, rules, tell, write } = options;
  if (own.isActive) await host.stop(own.unit);
  for (const service of old) {
    if (service.isActive) {
      await host.stop(service.unit);
      tell(`Stopped ${service.unit}.`);
    }
    if (isEnabled(service)) {
      await host.disable(service);
      tell(`Disabled ${service.unit}.`);
    }
  }
  for (const { rule } of rules) await host.deleteAuditRule(rule);
  if (rules.length > 0) tell(`Took back the audit rules of the old agent: ${rules.length}.`);
  await write();
  if (own.file === 'disabled') await host.enable(own);
  await host.start(own.unit, true);
  tell(`Started ${own.unit}.`);
}

function nothingChanged(error: unknown): never {
  throw new CommandError(`${sentence(error)} Nothing was changed.`, exitCodes.noPermission);
}

function sentence(error: unknown): string {
  const text = reasonOf(error).replace(/ Nothing was changed\.$/, '');
  return /\.$/.test(text) ? text : `${text}.`;
}
