import { resolve } from 'node:path';
import { CommandError, exitCodes } from '../../base/exit-codes.js';
import { printable } from '../../base/text.js';
import { writeConfiguration } from '../enroll/configuration.js';
import { type ImportPlan, planImport } from '../import/plan.js';
import type { Command } from './command.js';
import { standardDirectory } from './enroll.js';

export const importCommand: Command = {
  name: 'import',
  operands: 'FILE…',
  operandMeanings: {
    'FILE…':
      'Files of an old agent, told by what is in them, or its directory: LocalConfiguration.json; General.config, Authentication.config and SecurityIotInterface.config; connection_string.txt, conf.json and sysinfo.json; a saved module twin.',
  },
  operandChoices: 'files',
  meaning: 'Takes over the identity and the settings of an old agent.',
  options: {
    directory: {
      type: 'string',
      value: 'DIR',
      default: standardDirectory,
      meaning: 'Where the configuration is written.',
    },
    'dry-run': { type: 'boolean', meaning: 'Say what would be written, and write nothing.' },
  },
  run: async (parsed) => {
    if (parsed.operands.length === 0)
      throw new CommandError(
        'Name the files of the old agent, or its directory, such as /var/ASCIoTAgent or /etc/defender_iot_micro_agent.',
        exitCodes.configuration,
      );
    const directory = parsed.text('directory') ?? standardDirectory;
    const plan = await planImport({ files: parsed.operands, directory });
    const write = (sentence: string): void => {
      process.stdout.write(`${printable(sentence)}\n`);
    };
    tellFindings(plan, write);
    if (parsed.flag('dry-run')) {
      tellPlan(plan, 'Would write', write);
      // Without secrets: those stand in files of their own.
      process.stdout.write(plan.configuration.text);
      return exitCodes.stopped;
    }
    await writeConfiguration(plan.configuration);
    tellPlan(plan, 'Wrote', write);
    write(
      resolve(directory) === standardDirectory
        ? 'Stop the old agent before this one starts, because the hub knows one client of an identity: systemctl restart iot-security-agent starts this one.'
        : `Stop the old agent, and run this one with: iot-security-agent run --config ${plan.configuration.settingsFile}`,
    );
    return exitCodes.stopped;
  },
};

function tellFindings({ read, taken, left }: ImportPlan, write: (sentence: string) => void): void {
  for (const { path, is } of read) write(`Read ${path}: ${is}.`);
  if (taken.length > 0) write(`Taken over: ${taken.join(', ')}.`);
  for (const sentence of left) write(sentence);
}

function tellPlan(
  { configuration, copies }: ImportPlan,
  did: string,
  write: (sentence: string) => void,
): void {
  const { isChanged, removedKeys, secrets, settingsFile } = configuration;
  for (const { path } of secrets) {
    const copied = copies.find(({ to }) => to === path);
    const origin = copied === undefined ? '' : `, a copy of ${copied.from}`;
    write(`${did} ${path} (for root alone${origin}).`);
  }
  write(isChanged ? `${did} ${settingsFile}.` : `${settingsFile} stays as it is.`);
  if (removedKeys.length > 0) write(`Removed from identity: ${removedKeys.join(', ')}.`);
}
