import { parseArgs } from 'node:util';
import { hasCode, reasonOf } from '../base/errors.js';
import { exitCodes } from '../base/exit-codes.js';
import { printable } from '../base/text.js';
import type { Command, ParsedArguments } from './commands/command.js';
import { overview, program, usageOf } from './commands/help.js';

function parse(command: Command, args: readonly string[]): ParsedArguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      Object.entries(command.options).map(([name, { type, repeated = false }]) => [
        name,
        { type, multiple: repeated },
      ]),
    ),
    allowPositionals: command.operands !== undefined,
    strict: true,
  });
  return {
    operands: positionals,
    text: (option) => {
      const value = values[option] ?? command.options[option]?.default;
      return typeof value === 'string' ? value : undefined;
    },
    texts: (option) => [values[option] ?? []].flat().map(String),
    flag: (option) => values[option] === true,
  };
}

/** Finds the verb and runs it; problems with the arguments are told with the usage, and end with 78. */
export async function runCommandLine(
  commands: readonly Command[],
  args: readonly string[],
  version: string,
): Promise<number> {
  const [verb, ...rest] = args;
  if (verb === undefined || verb === 'help' || verb === '--help' || verb === '-h') {
    process.stdout.write(overview(commands));
    return verb === undefined ? exitCodes.configuration : exitCodes.stopped;
  }
  if (verb === '--version' || verb === '-V') {
    process.stdout.write(`${version}\n`);
    return exitCodes.stopped;
  }
  const command = commands.find(({ name }) => name === verb);
  if (command === undefined) {
    process.stderr.write(
      `${program}: there is no command '${printable(verb)}'.\n\n${overview(commands)}`,
    );
    return exitCodes.configuration;
  }
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(usageOf(command));
    return exitCodes.stopped;
  }
  let parsed: ParsedArguments;
  try {
    parsed = parse(command, rest);
  } catch (error) {
    // Not Node's sentence, which shows the argument: it may be a secret.
    const reason = hasCode(error, 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL')
      ? 'takes options only, and no other arguments.'
      : reasonOf(error);
    process.stderr.write(`${program} ${verb}: ${printable(reason)}\n\n${usageOf(command)}`);
    return exitCodes.configuration;
  }
  return await command.run(parsed);
}
