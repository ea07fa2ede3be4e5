import { exitMeanings } from '../../base/exit-codes.js';
import type { Command, OptionDeclaration } from './command.js';

export const program = 'iot-security-agent';

/** What is understood beside the commands. */
const others: readonly Row[] = [
  ['help, --help', 'Shows this; COMMAND --help tells the options of one command.'],
  ['--version', 'Prints the version.'],
];

type Row = readonly [term: string, meaning: string];

/** Every command, in its order. */
export function overview(commands: readonly Command[]): string {
  const rows = commands.map(({ name, meaning }): Row => [name, meaning]);
  return paragraphs([
    [`usage: ${program} COMMAND [OPTION…]`],
    columns([...rows, ...others]),
    [`Try '${program} COMMAND --help'.`],
  ]);
}

/** One command with its options, its operands and what its exit codes mean. */
export function usageOf(command: Command): string {
  const { exitCodes = exitMeanings, meaning, name, operandMeanings = {}, operands } = command;
  const options = Object.entries(command.options);
  const parts = [name, ...options.map((entry) => `[${optionText(entry)}]`), operands ?? ''];
  const rows = options.map((entry): Row => {
    const { default: standard, meaning: what } = entry[1];
    return [optionText(entry), standard === undefined ? what : `${what} (default: ${standard})`];
  });
  return paragraphs([
    [`usage: ${program} ${parts.join(' ').trimEnd()}`],
    [meaning],
    columns([...Object.entries(operandMeanings), ...rows]),
    ['Exit codes:', ...columns(Object.entries(exitCodes))],
  ]);
}

function optionText([name, option]: [string, OptionDeclaration]): string {
  const more = option.repeated === true ? '…' : '';
  return option.type === 'string' ? `--${name} ${option.value ?? 'VALUE'}${more}` : `--${name}`;
}

/** The meanings begin where the longest term ends. */
function columns(rows: readonly Row[]): readonly string[] {
  const width = Math.max(0, ...rows.map(([term]) => term.length));
  return rows.map(([term, meaning]) => `  ${term.padEnd(width)}  ${meaning}`);
}

function paragraphs(blocks: readonly (readonly string[])[]): string {
  const shown = blocks.filter((lines) => lines.length > 0).map((lines) => lines.join('\n'));
  return `${shown.join('\n\n')}\n`;
}
