import { exitCodes, exitMeanings } from '../../base/exit-codes.js';
import { defaultConfigFile } from '../../config/read-local-settings.js';
import type { Command, OptionDeclaration } from './command.js';

/** What is where on a device; the package and the unit put it there. */
const files: Readonly<Record<string, string>> = {
  [defaultConfigFile]:
    'Who the device is and where things are. Read once at start; everything else is set in the module twin while the agent runs.',
  '/etc/iot-security-agent/module.connection':
    'The connection string of the module azureiotsecurity, readable to root alone.',
  '/var/lib/iot-security-agent':
    'What must survive a restart: events that the hub has not acknowledged, logins, changes and alerts that were sent, the last settings, counters.',
  '/run/iot-security-agent/status.sock':
    'Answers the command status; open to root and to the group iot-security-agent.',
  '/run/iot-security-agent-inventory':
    'Sockets of the inventory process, one by the name of each thing that it tells; open to root and to the group iot-security-agent.',
  '/usr/share/doc/iot-security-agent/settings.md':
    'Every setting of the local file and of the twin, with default, bounds and meaning.',
  '/usr/share/doc/iot-security-agent/events.md':
    'Every event with its fields, and every cause of loss.',
  '/usr/share/doc/iot-security-agent/agent.schema.json':
    'JSON Schema of the local file; twin.schema.json beside it is that of the twin.',
};

/** The manual page, section 8, in the man macros. */
export function manualPage(commands: readonly Command[]): string {
  const shipped = commands.filter(({ developmentOnly }) => developmentOnly !== true);
  return [
    '.\\" Generated from the declarations of the commands by npm run generate; a test fails when they differ.',
    '.TH IOT\\-SECURITY\\-AGENT 8 "" "iot\\-security\\-agent" "System Administration"',
    '.SH NAME',
    'iot\\-security\\-agent \\- reports what happens on a Linux IoT device to Azure IoT Hub',
    '.SH SYNOPSIS',
    ...shipped.flatMap(synopsis),
    '.SH DESCRIPTION',
    text(
      'Watches processes, connections, logins and listening ports of the device, and sends them to Azure IoT Hub as the security module (azureiotsecurity) of the device. It takes its settings from the twin of that module, opens no port and starts no program.',
    ),
    '.SH COMMANDS',
    ...shipped.flatMap(described),
    '.SH EXIT STATUS',
    ...Object.values(exitCodes).flatMap((code) => tagged(bold(String(code)), exitMeanings[code])),
    '.SH FILES',
    ...Object.entries(files).flatMap(([path, meaning]) =>
      tagged(`\\fI${escape(path)}\\fR`, meaning),
    ),
    '.SH SEE ALSO',
    '.BR systemctl (1),',
    '.BR journalctl (1),',
    '.BR auditctl (8)',
    '',
  ].join('\n');
}

function synopsis(command: Command): readonly string[] {
  const options = Object.entries(command.options).map((entry) => `[${optionTerm(entry)}]`);
  const operands = command.operands === undefined ? [] : [operandText(command.operands)];
  return [
    '.PP',
    [bold('iot-security-agent'), bold(command.name), ...options, ...operands].join(' '),
  ];
}

function described(command: Command): readonly string[] {
  const codes = Object.entries(command.exitCodes ?? {});
  return [
    `.SS ${escape(command.name)}`,
    text(command.meaning),
    ...Object.entries(command.operandMeanings ?? {}).flatMap(([operand, meaning]) =>
      tagged(operandText(operand), meaning),
    ),
    ...Object.entries(command.options).flatMap((entry) => {
      const [, option] = entry;
      const standard = option.default === undefined ? '' : ` Default: ${option.default}.`;
      return tagged(optionTerm(entry), option.meaning + standard);
    }),
    ...(codes.length === 0 ? [] : ['.PP', 'Exit status:']),
    ...codes.flatMap(([code, meaning]) => tagged(bold(code), meaning)),
  ];
}

function optionTerm([name, option]: [string, OptionDeclaration]): string {
  const value = option.type === 'string' ? ` \\fI${escape(option.value ?? 'VALUE')}\\fR` : '';
  return bold(`--${name}`) + value;
}

function operandText(operands: string): string {
  return escape(operands).replace(/[A-Z]{2,}/g, '\\fI$&\\fR');
}

function tagged(term: string, meaning: string): readonly string[] {
  return ['.TP', term, text(meaning)];
}

function bold(word: string): string {
  return `\\fB${escape(word)}\\fR`;
}

/** A line that begins with a dot or an apostrophe would be a request. */
function text(sentence: string): string {
  return escape(sentence).replace(/^[.']/, '\\&$&');
}

function escape(plain: string): string {
  return plain.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('…', '...');
}
