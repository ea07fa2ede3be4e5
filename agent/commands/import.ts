import { resolve } from 'node:path';
import { CommandError, exitCodes } from '../../base/exit-codes.js';
import { printable } from '../../base/text.js';
import { isUnavailable } from '../../base/unavailable.js';
import { writeConfiguration } from '../enroll/configuration.js';
import { unusable } from '../enroll/settings-file.js';
import { type ImportPlan, planImport } from '../import/plan.js';
import type { Host } from '../import/replacement/host.js';
import {
  planReplacement,
  removalOf,
  replaceOnDevice,
  stepsOf,
  undoOnDevice,
} from '../import/replacement/on-device.js';
import { openSystemHost } from '../import/replacement/system-host.js';
import type { Command } from './command.js';
import { edgeSentence, standardDirectory } from './enroll.js';

export const importCommand: Command = {
  name: 'import',
  operands: '[FILE…]',
  operandMeanings: {
    FILE: 'Files of an old agent, told by what is in them, or its directory: LocalConfiguration.json; General.config, Authentication.config and SecurityIotInterface.config; connection_string.txt, conf.json and sysinfo.json; a saved module twin. With --replace where the old agent is installed, when none is named.',
  },
  operandChoices: 'files',
  meaning: 'Takes over the identity and the settings of an old agent, and its place.',
  options: {
    directory: {
      type: 'string',
      value: 'DIR',
      default: standardDirectory,
      meaning: 'Where the configuration is written.',
    },
    'dry-run': { type: 'boolean', meaning: 'Say what would be done, and do nothing.' },
    replace: {
      type: 'boolean',
      meaning:
        'As root: stop and disable the old agent, take its audit rules back, and start this one; when a step fails, all are undone.',
    },
    undo: {
      type: 'boolean',
      meaning:
        'As root: make everything as it was before --replace, and start the old agent again.',
    },
  },
  exitCodes: { [exitCodes.crashed]: 'The old agent could not be replaced, or that not be undone.' },
  run: async (parsed) => {
    const directory = parsed.text('directory') ?? standardDirectory;
    const isDry = parsed.flag('dry-run');
    const files = parsed.operands;
    if (parsed.flag('undo') && (parsed.flag('replace') || isDry || files.length > 0))
      throw unusable('--undo takes nothing but --directory');
    if (parsed.flag('undo')) return asRoot((host) => takeBack(host, directory));
    if (parsed.flag('replace')) return asRoot((host) => replace(host, files, directory, isDry));
    return importFiles(files, directory, isDry);
  },
};

function say(sentence: string): void {
  process.stdout.write(`${printable(sentence)}\n`);
}

async function importFiles(
  files: readonly string[],
  directory: string,
  isDry: boolean,
): Promise<number> {
  if (files.length === 0)
    throw unusable(
      'Name the files of the old agent, or its directory, such as /var/ASCIoTAgent or /etc/defender_iot_micro_agent',
    );
  const plan = await planImport({ files, directory });
  tellFindings(plan);
  if (isDry) return tellDry(plan);
  await writeConfiguration(plan.configuration);
  tellPlan(plan, 'Wrote');
  say(
    resolve(directory) === standardDirectory
      ? 'Stop the old agent before this one starts, because the hub knows one client of an identity; import --replace does both. Or: systemctl restart iot-security-agent'
      : `Stop the old agent, and run this one with: iot-security-agent run --config ${plan.configuration.settingsFile}`,
  );
  return exitCodes.stopped;
}

async function asRoot(work: (host: Host) => Promise<number>): Promise<number> {
  if (process.geteuid?.() !== 0)
    throw new CommandError(
      'Services are stopped and started as root; run this command as root. Nothing was changed.',
      exitCodes.noPermission,
    );
  const host = await openSystemHost();
  if (isUnavailable(host))
    throw new CommandError(
      `The services cannot be asked for, because ${host.unavailable}. Nothing was changed.`,
      exitCodes.noPermission,
    );
  try {
    return await work(host);
  } finally {
    await host.close();
  }
}

async function replace(
  host: Host,
  files: readonly string[],
  directory: string,
  isDry: boolean,
): Promise<number> {
  if (resolve(directory) !== standardDirectory)
    throw unusable(`--replace starts the service, whose configuration is in ${standardDirectory}`);
  const replacement = await planReplacement({ host, files, directory });
  tellFindings(replacement.plan);
  if (isDry) {
    for (const step of stepsOf(replacement)) say(step);
    return tellDry(replacement.plan);
  }
  await replaceOnDevice(host, replacement, say);
  tellPlan(replacement.plan, 'Wrote');
  const { mode, moduleId } = replacement.plan.configuration.settings.identity;
  if (mode === 'edge') say(edgeSentence(moduleId));
  for (const sentence of removalOf(replacement)) say(sentence);
  say('See how this agent is with: iot-security-agent status');
  return exitCodes.stopped;
}

async function takeBack(host: Host, directory: string): Promise<number> {
  await undoOnDevice(host, directory, say);
  say('Everything is as it was before the import.');
  return exitCodes.stopped;
}

function tellDry(plan: ImportPlan): number {
  tellPlan(plan, 'Would write');
  // Without secrets: those stand in files of their own.
  process.stdout.write(plan.configuration.text);
  return exitCodes.stopped;
}

function tellFindings({ read, taken, left }: ImportPlan): void {
  for (const { path, is } of read) say(`Read ${path}: ${is}.`);
  if (taken.length > 0) say(`Taken over: ${taken.join(', ')}.`);
  for (const sentence of left) say(sentence);
}

function tellPlan({ configuration, copies }: ImportPlan, did: string): void {
  const { isChanged, removedKeys, secrets, settingsFile } = configuration;
  for (const { path } of secrets) {
    const copied = copies.find(({ to }) => to === path);
    const origin = copied === undefined ? '' : `, a copy of ${copied.from}`;
    say(`${did} ${path} (for root alone${origin}).`);
  }
  say(isChanged ? `${did} ${settingsFile}.` : `${settingsFile} stays as it is.`);
  if (removedKeys.length > 0) say(`Removed from identity: ${removedKeys.join(', ')}.`);
}
