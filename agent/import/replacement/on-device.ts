import { readdir, stat } from 'node:fs/promises';
import { machine } from 'node:os';
import { join, resolve } from 'node:path';
import { readTextFile } from '../../../base/bounded-file.js';
import { CommandError, exitCodes } from '../../../base/exit-codes.js';
import { isUnavailable } from '../../../base/unavailable.js';
import { abisOf } from '../../../collectors/kernel/audit/syscalls.js';
import { UserNames } from '../../../collectors/kernel/files/users.js';
import { hostPaths } from '../../../collectors/kernel/paths.js';
import { standardLocalSettings } from '../../../config/parse-local-settings.js';
import { readLocalSettings } from '../../../config/read-local-settings.js';
import {
  agentGroup,
  secretNames,
  settingsFileName,
  writeConfiguration,
} from '../../enroll/configuration.js';
import { agentUnit } from '../../supervisor/systemd-manager.js';
import { type ImportPlan, oldFileNames, planImport } from '../plan.js';
import { type Host, isEnabled, type ServiceState, StepError } from './host.js';
import { type Expected, journalPath, readJournal, removeJournal } from './journal.js';
import { forgetFiles } from './kept-files.js';
import { isOldAuditRule, type OldAuditRule, oldAuditRules } from './old-audit-rules.js';
import { oldAgents } from './old-services.js';
import { replaceOldAgents } from './replace.js';
import { undo } from './undo.js';

/** What replacing would do on this device; nothing of it is done yet. */
export interface ReplacementPlan {
  readonly plan: ImportPlan;
  readonly own: ServiceState;
  readonly old: readonly ServiceState[];
  readonly rules: readonly OldAuditRule[];
  /** Why none is taken back; completes a sentence. */
  readonly rulesStay?: string;
}

interface PlanOptions {
  readonly host: Host;
  /** Files or directories of the old agent; none: where it is installed. */
  readonly files: readonly string[];
  readonly directory: string;
}

const auditDirectory = '/etc/audit';
const longestRulesBytes = 262_144;
const identitySocket = '/run/aziot/identityd.sock';

/** @throws CommandError when there is no old agent, or its configuration cannot be taken over */
export async function planReplacement(options: PlanOptions): Promise<ReplacementPlan> {
  const { directory, files, host } = options;
  const own = await host.service(agentUnit).catch(nothingChanged);
  if (own === undefined)
    throw unable(`systemd knows no unit ${agentUnit}; install the package of this agent`);
  const found: ServiceState[] = [];
  for (const { unit } of oldAgents) {
    const state = await host.service(unit).catch(nothingChanged);
    if (state !== undefined) found.push(state);
  }
  if (found.length === 0) {
    const units = oldAgents.map(({ unit }) => unit).join(', ');
    throw unable(`No old agent is installed here: systemd knows none of ${units}`);
  }
  const named = files.length > 0 ? files : await installedFiles(found);
  const plan = await planImport({
    files: named,
    directory,
    ...((await isSignedByEdge(found)) && { otherwise: { settings: { 'identity.mode': 'edge' } } }),
  });
  const [native] = abisOf(machine()) ?? [];
  const there = await host.auditRules().catch(nothingChanged);
  if (isUnavailable(there) || native === undefined) {
    const why = isUnavailable(there)
      ? there.unavailable
      : 'this agent knows no rules of this machine';
    return { plan, own, old: found, rules: [], rulesStay: why };
  }
  return { plan, own, old: found, rules: oldAuditRules(there, native, await writtenRules()) };
}

/** @throws CommandError */
export async function replaceOnDevice(
  host: Host,
  { old, own, plan, rules }: ReplacementPlan,
  tell: (sentence: string) => void,
): Promise<void> {
  const { configuration } = plan;
  const uid = new UserNames(hostPaths).uidOf(agentGroup);
  const gid = configuration.groupId;
  await replaceOldAgents({
    host,
    own,
    old,
    rules,
    journal: journalPath(configuration.settings.stateDirectory),
    stateOwner: uid === undefined || gid === undefined ? undefined : { uid, gid },
    files: [...configuration.secrets.map(({ path }) => path), configuration.settingsFile],
    write: () => writeConfiguration(configuration),
    tell,
  });
}

/** @throws CommandError */
export async function undoOnDevice(
  host: Host,
  directory: string,
  tell: (sentence: string) => void,
): Promise<void> {
  const settingsFile = join(resolve(directory), settingsFileName);
  const read = await readLocalSettings(settingsFile);
  const { stateDirectory } = 'settings' in read ? read.settings : standardLocalSettings();
  const journal = journalPath(stateDirectory);
  const before = await readJournal(journal, expectedIn(resolve(directory))).catch(nothingChanged);
  if (before === undefined)
    throw unable(
      `There is nothing to undo: ${journal} is not there, so that no old agent was replaced`,
    );
  const left = await undo({ host, before, tell });
  if (left.length > 0) {
    throw new CommandError(
      `Not all could be undone: ${left.join('; ')}. Mend that and run this again.`,
      exitCodes.crashed,
    );
  }
  await removeJournal(journal);
  await forgetFiles(before.files);
}

/** One sentence for each thing that replacing would do. */
export function stepsOf({ old, rules }: ReplacementPlan): readonly string[] {
  return [
    ...old.flatMap((service) => [
      ...(service.isActive ? [`Would stop ${service.unit}.`] : []),
      ...(isEnabled(service) ? [`Would disable ${service.unit}.`] : []),
    ]),
    ...(rules.length > 0
      ? [`Would take back the audit rules of the old agent: ${rules.length}.`]
      : []),
    `Would start ${agentUnit}.`,
  ];
}

/** What the old agents leave that is nobody's but the owner's to remove. */
export function removalOf({ old, rulesStay }: ReplacementPlan): readonly string[] {
  const rules =
    rulesStay === undefined
      ? []
      : [`Audit rules that the old agent set last until the next boot: ${rulesStay}.`];
  const rest = oldAgents
    .filter(({ unit }) => old.some((service) => service.unit === unit))
    .map(
      ({ directories, removal, unit }) =>
        `${unit} and ${directories[0] ?? ''} stay for the way back (iot-security-agent import --undo); ${removal}.`,
    );
  return [...rules, ...rest];
}

function expectedIn(directory: string): Expected {
  const [native] = abisOf(machine()) ?? [];
  return {
    ownUnit: agentUnit,
    oldUnits: oldAgents.map(({ unit }) => unit),
    directory,
    fileNames: [...Object.values(secretNames), settingsFileName],
    isOldRule: (rule) => native !== undefined && isOldAuditRule(rule, native),
  };
}

/** The first directory of each old agent that holds something of it. */
async function installedFiles(found: readonly ServiceState[]): Promise<readonly string[]> {
  const installed = oldAgents.filter(({ unit }) => found.some((one) => one.unit === unit));
  const places: string[] = [];
  for (const { directories } of installed) {
    for (const directory of directories) {
      const names = await readdir(directory).catch(() => []);
      if (!names.some((name) => oldFileNames.includes(name))) continue;
      places.push(directory);
      break;
    }
  }
  return places;
}

/** The Edge variant of the micro agent has no connection string: the Identity Service knows it. */
async function isSignedByEdge(found: readonly ServiceState[]): Promise<boolean> {
  const isMicro = found.some(({ unit }) => unit === 'defender-iot-micro-agent.service');
  if (!isMicro) return false;
  return (await stat(identitySocket).catch(() => undefined))?.isSocket() === true;
}

/** The rules that the owner has written down for auditd; unreadable ones are as if there were none. */
async function writtenRules(): Promise<readonly string[]> {
  const more = join(auditDirectory, 'rules.d');
  const names = await readdir(more).catch(() => []);
  const paths = [join(auditDirectory, 'audit.rules'), ...names.map((name) => join(more, name))];
  const texts: string[] = [];
  for (const path of paths.filter((one) => one.endsWith('.rules')).slice(0, 64)) {
    const read = await readTextFile(path, longestRulesBytes).catch(() => undefined);
    if (read !== undefined) texts.push(read.text);
  }
  return texts;
}

function unable(sentence: string): CommandError {
  return new CommandError(`${sentence}. Nothing was changed.`, exitCodes.configuration);
}

function nothingChanged(error: unknown): never {
  if (!(error instanceof StepError)) throw error;
  throw new CommandError(`${error.message}. Nothing was changed.`, exitCodes.noPermission);
}
