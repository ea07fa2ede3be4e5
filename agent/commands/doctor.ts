import { systemClock } from '../../base/clock.js';
import { exitCodes } from '../../base/exit-codes.js';
import { printable } from '../../base/text.js';
import { standardLocalSettings } from '../../config/parse-local-settings.js';
import { readLocalSettings, defaultConfigFile } from '../../config/read-local-settings.js';
import { findAgentUser } from '../doctor/agent-user.js';
import { checkConfiguration } from '../doctor/configuration.js';
import { checkConnection } from '../doctor/connection.js';
import type { Finding } from '../doctor/finding.js';
import { unknown } from '../doctor/finding.js';
import { checkHost } from '../doctor/host.js';
import { askStatus } from '../status/client.js';
import { statusSocket } from '../status/service.js';
import { configOption, type Command } from './command.js';

export const doctorCommand: Command = {
  name: 'doctor',
  meaning: 'Checks what a working agent needs, and says how to mend what is missing.',
  options: {
    config: configOption,
    json: { type: 'boolean', meaning: 'Print all findings as one line of JSON.' },
  },
  exitCodes: {
    [exitCodes.stopped]: 'All is well; notes do not count.',
    [exitCodes.crashed]: 'Something is to be mended.',
  },
  run: (parsed) =>
    doctor({
      configFile: parsed.text('config') ?? defaultConfigFile,
      json: parsed.flag('json'),
      write: (text) => void process.stdout.write(text),
    }),
};

interface DoctorOptions {
  readonly configFile: string;
  readonly json: boolean;
  readonly write: (text: string) => void;
}

/** Changes nothing and starts nothing. @returns 1 when something is to be mended, else 0 */
export async function doctor({ configFile, json, write }: DoctorOptions): Promise<number> {
  const read = await readLocalSettings(configFile);
  const settings = 'settings' in read ? read.settings : standardLocalSettings();
  const answer = await askStatus(statusSocket(settings.runtimeDirectory));
  const user = await findAgentUser(answer, configFile);
  const configuration = await checkConfiguration(configFile, read, user);
  const { credentials } = configuration;
  const [connection, host] = await Promise.all([
    credentials === undefined
      ? [unknown('the way to the hub is not known without the configuration')]
      : checkConnection({ credentials, wallMs: () => systemClock.wallMs() }),
    checkHost(answer),
  ]);
  const groups = { configuration: configuration.findings, connection, host };
  write(json ? `${JSON.stringify(groups)}\n` : readable(groups));
  const all = Object.values(groups).flat();
  return all.some(({ outcome }) => outcome === 'mend') ? exitCodes.crashed : exitCodes.stopped;
}

function readable(groups: Readonly<Record<string, readonly Finding[]>>): string {
  return Object.entries(groups)
    .map(([name, findings]) => {
      const lines = findings.map(({ outcome, remedy, says }) =>
        printable(`  ${outcome.padEnd(8)} ${says}${remedy === undefined ? '' : `; ${remedy}`}`),
      );
      return [name, ...lines, ''].join('\n');
    })
    .join('');
}
