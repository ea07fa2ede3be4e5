import { defaultConfigFile } from '../../config/read-local-settings.js';

/** One option of a verb; help, parsing, completion and man page come from this declaration. */
export interface OptionDeclaration {
  readonly type: 'string' | 'boolean';
  /** Name of the value in the help, for options that take one. */
  readonly value?: string;
  readonly default?: string;
  /** May be given several times, each with another value. */
  readonly repeated?: true;
  readonly meaning: string;
}

export interface ParsedArguments {
  readonly operands: readonly string[];
  text(option: string): string | undefined;
  /** The values of an option that is repeated. */
  texts(option: string): readonly string[];
  flag(option: string): boolean;
}

/** A verb of the command line. */
export interface Command {
  readonly name: string;
  /** Shown in the usage line behind the name, for example `NAME… | all`. */
  readonly operands?: string;
  /** What each word of `operands` stands for. */
  readonly operandMeanings?: Readonly<Record<string, string>>;
  readonly meaning: string;
  readonly options: Readonly<Record<string, OptionDeclaration>>;
  /** What an operand may be, for completion: `files`, or these words. */
  readonly operandChoices?: 'files' | readonly string[];
  /** Where they differ from those of the other verbs. */
  readonly exitCodes?: Readonly<Record<number, string>>;
  /** Not shipped to devices. */
  readonly developmentOnly?: true;
  /** Resolves with the exit code; throws `CommandError` for what the operator has to mend. */
  run(parsed: ParsedArguments): Promise<number>;
}

export const configOption = {
  type: 'string',
  value: 'FILE',
  default: defaultConfigFile,
  meaning: 'The local configuration.',
} as const satisfies OptionDeclaration;
