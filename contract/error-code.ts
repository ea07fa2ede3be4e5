type Area = 'Local Configuration' | 'Remote Configuration' | 'Authentication';
type Fault =
  | 'Missing Configuration'
  | 'Cant Parse Configuration'
  | 'Timeout'
  | 'File Format'
  | 'File Not Exist'
  | 'File Permissions'
  | 'Unauthorized'
  | 'Not Found'
  | 'Other';

/** How the logs of the retired agents named what went wrong, which people and their tools look for. */
export type ErrorCode = `${Area} / ${Fault}`;

/** A sentence, without its full stop, with the code at its end; one that names a code already stays as it is. */
export function withCode(sentence: string, code: ErrorCode): string {
  return /\[[A-Z][A-Za-z ]+ \/ [A-Z][A-Za-z ]+\]/.test(sentence)
    ? sentence
    : `${sentence} [${code}]`;
}
