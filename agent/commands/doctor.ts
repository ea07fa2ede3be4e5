import { exitCodes } from '../../base/exit-codes.js';
import { printable } from '../../base/text.js';
import { defaultConfigFile } from '../../config/read-local-settings.js';
import { checks } from '../doctor/checks.js';
import { examine } from '../doctor/examination.js';
import type { Finding } from '../doctor/finding.js';
import { configOption, type Command } from './command.js';

export const doctorCommand: Command = {
  name: 'doctor',
  meaning: 'Checks what a working agent needs, and says how to mend what is missing.',
  options: {
    config: configOption,
    json: {
      type: 'boolean',
      meaning: 'Print all findings as one line of JSON: check, verdict, found, remedy.',
    },
    send: {
      type: 'boolean',
      meaning: 'Send a test message, too, unless the agent runs.',
    },
  },
  exitCodes: {
    [exitCodes.stopped]: 'All is well; notes do not count.',
    [exitCodes.crashed]: 'Something is to be mended.',
  },
  run: (parsed) =>
    doctor({
      configFile: parsed.text('config') ?? defaultConfigFile,
      json: parsed.flag('json'),
      send: parsed.flag('send'),
      write: (text) => void process.stdout.write(text),
    }),
};

interface DoctorOptions {
  readonly configFile: string;
  readonly json: boolean;
  readonly send?: boolean;
  readonly write: (text: string) => void;
}

/** Changes nothing on the device. @returns 1 when something is to be mended, else 0 */
export async function doctor(options: DoctorOptions): Promise<number> {
  const { configFile, json, send = false, write } = options;
  const { findings } = await examine({ configFile, send });
  write(json ? `${JSON.stringify(findings.map(rowOf))}\n` : readable(findings));
  return findings.some(({ verdict }) => verdict === 'mend') ? exitCodes.crashed : exitCodes.stopped;
}

/** The same members in each. */
const rowOf = ({ check, found, remedy, verdict }: Finding) => ({
  check,
  verdict,
  found,
  remedy: remedy ?? null,
});

function readable(findings: readonly Finding[]): string {
  let group = '';
  let text = '';
  for (const { check, found, remedy, verdict } of findings) {
    if (checks[check].group !== group) {
      group = checks[check].group;
      text += `${group}\n`;
    }
    const line = `  ${verdict.padEnd(8)} ${found}${remedy === undefined ? '' : `; ${remedy}`}`;
    text += `${printable(line)}\n`;
  }
  return text;
}
