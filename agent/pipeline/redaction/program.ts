/** What is known of a program: where its command line holds secrets, and where another command line. */
export interface Program {
  /** Arguments after which the next one is a secret. */
  readonly next?: ReadonlySet<string>;
  /** The same for flags that share a dash with others, and for names by their form. */
  readonly nextAfter?: RegExp;
  /** Arguments after which one of another kind comes, its number or type, and then the secret. */
  readonly nextButOne?: RegExp;
  /** Its arguments are settings: each that is named like a secret has its value in the next one. */
  readonly pairs?: true;
  /** Names in the fields of its arguments that are secrets in this program, whatever they are in others. */
  readonly fields?: RegExp;
  /** The start of an argument whose rest is a secret, such as the `-p` of `-psecret`. */
  readonly glued?: RegExp;
  /** The end of such an argument that is no part of the secret. */
  readonly gluedTail?: RegExp;
  /** Options whose value is a user with a secret. */
  readonly login?: Login;
  /** Options whose value is a file, and behind a colon its passphrase. */
  readonly file?: RegExp;
  /** Arguments without a dash that are secrets by their place. */
  readonly operand?: SecretOperand;
  /** Options that are named like a secret and hold none in this program. */
  readonly plain?: ReadonlySet<string>;
  /** What it reads from its standard input. */
  readonly reads?: Reads;
  /** The command that it starts. */
  readonly carries?: Carrier;
  /** Options whose value is a command line or the text of a program. */
  readonly script?: RegExp;
  /** Its arguments are words to look for, names or messages, and never commands. */
  readonly quiet?: true;
}

export interface Login {
  readonly options: RegExp;
  /** The start of an argument whose rest is such a value, such as the `-u` of `-uop:secret`. */
  readonly glued?: RegExp;
  /** Between the user and the secret; without it the value is a user alone. */
  readonly separator: ':' | '%' | ',' | '/';
  /** Whether the user may be the secret itself, as in `curl -u TOKEN:`. */
  readonly orUser?: true;
}

/** The place of a secret among the arguments that are neither options nor their values. */
interface SecretOperand {
  /** The places, counted from 1. */
  readonly at: readonly number[];
  /** All after the first of them are taken for secrets, too. */
  readonly andRest?: true;
  /** Options whose value is the next argument. */
  readonly valued?: RegExp;
  /** Options that take the place of an argument. */
  readonly inPlace?: RegExp;
}

export interface Reads {
  /** A secret, or lines of `user:secret`. */
  readonly what: 'secret' | 'pairs';
  /** Only if one of its arguments is of this form. */
  readonly when?: RegExp;
}

export interface Carrier {
  /** Its own options with a value in the next argument. */
  readonly valued?: ReadonlySet<string>;
  /** So many arguments of its own stand before the command. */
  readonly operands?: number;
  /** The command begins after one of these. */
  readonly after?: ReadonlySet<string>;
  /** All that follows is joined and given to a shell. */
  readonly isShell?: true;
}

export const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));
