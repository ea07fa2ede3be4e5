import type { ErrorCode } from '../../../contract/error-code.js';

export type CredentialErrorKind =
  | 'missing'
  | 'unreadable'
  | 'unsafe-mode'
  | 'malformed'
  /** A certificate that has expired or is not valid yet, by the clock of the device, which may be wrong. */
  | 'not-valid-now';

const codes: Readonly<Record<CredentialErrorKind, ErrorCode | undefined>> = {
  missing: 'Authentication / File Not Exist',
  unreadable: 'Authentication / File Permissions',
  'unsafe-mode': 'Authentication / File Permissions',
  malformed: 'Authentication / File Format',
  'not-valid-now': undefined,
};

/** For what the settings do not name. */
export const missingSetting: ErrorCode = 'Local Configuration / Missing Configuration';
/** For settings that contradict what a file says. */
export const contradiction: ErrorCode = 'Local Configuration / Other';

/**
 * A credential cannot be used. The message says which setting and file, why, and what to do, with the code in brackets
 * that the retired agents had for it; it never shows what the file holds.
 */
export class CredentialError extends Error {
  override readonly name = 'CredentialError';

  constructor(
    readonly kind: CredentialErrorKind,
    sentence: string,
    code: ErrorCode | undefined = codes[kind],
  ) {
    super(code === undefined ? sentence : beforeCommand(sentence, code));
  }
}

/** A command at the end of the sentence stays there, to be copied. */
function beforeCommand(sentence: string, code: ErrorCode): string {
  const [, command = ''] = /(; (?:run|convert it(?: to PEM)? with): .*)$/.exec(sentence) ?? [];
  return `${sentence.slice(0, sentence.length - command.length)} [${code}]${command}`;
}
