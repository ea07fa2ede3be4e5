import { systemClock } from '../../base/clock.js';
import { exitCodes } from '../../base/exit-codes.js';
import { printable } from '../../base/text.js';
import { defaultConfigFile } from '../../config/read-local-settings.js';
import { writeBundle } from '../doctor/bundle/bundle.js';
import { checks } from '../doctor/checks.js';
import { examine } from '../doctor/examination.js';
import type { Finding } from '../doctor/finding.js';
import { sizeText } from '../status/duration-text.js';
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
    bundle: {
      type: 'string',
      value: 'FILE',
      meaning: 'Write an archive for whoever is asked for help (.tar.gz), with secrets masked.',
    },
  },
  exitCodes: {
    [exitCodes.stopped]: 'All is well; notes do not count.',
    [exitCodes.crashed]: 'Something is to be mended.',
    [exitCodes.noPermission]: 'The archive cannot be written.',
  },
  run: (parsed) => {
    const bundle = parsed.text('bundle');
    return doctor({
      configFile: parsed.text('config') ?? defaultConfigFile,
      json: parsed.flag('json'),
      send: parsed.flag('send'),
      ...(bundle === undefined ? {} : { bundle }),
      write: (text) => void process.stdout.write(text),
    });
  },
};

interface DoctorOptions {
  readonly configFile: string;
  readonly json: boolean;
  readonly send?: boolean;
  /** Where to write an archive. */
  readonly bundle?: string;
  readonly write: (text: string) => void;
}

/** Changes nothing on the device. @returns 1 when something is to be mended, else 0 */
export async function doctor(options: DoctorOptions): Promise<number> {
  const { bundle, configFile, json, send = false, write } = options;
  const examination = await examine({ configFile, send });
  const { findings } = examination;
  const rows = findings.map(rowOf);
  write(json ? `${JSON.stringify(rows)}\n` : readable(findings));
  if (bundle !== undefined) {
    const wallMs = systemClock.wallMs();
    const bytes = await writeBundle({ file: bundle, configFile, examination, rows, wallMs });
    process.stderr.write(
      `${printable(`Wrote ${bundle} (${sizeText(bytes)}); look through it before you give it away.`)}\n`,
    );
  }
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
