/**
 * What a record says of the outcome: `success`, `yes` and `1`, or `failed`, `no` and `0`; before there was `res`, PAM
 * wrote `result=` and its own sentence. Undefined for anything else: whoever cannot read it does not know it.
 */
export function readResult(written: string | undefined): boolean | undefined {
  const text = written?.replace(/^["']|["')\s.,:;]+$/gu, '').toLowerCase() ?? '';
  if (/^(?:success|yes|1)$/u.test(text)) return true;
  if (/^(?:fail|failed|failure|no|0)$/u.test(text)) return false;
  return pamFailures.some((sentence) => text.startsWith(sentence)) ? false : undefined;
}

/** The beginnings of what `pam_strerror` (Linux-PAM, libpam/pam_strerror.c) says of a failure. */
const pamFailures: readonly string[] = [
  'critical error',
  'failed to load module',
  'dlopen() failure',
  'symbol not found',
  'error in service module',
  'system error',
  'memory buffer error',
  'permission denied',
  'authentication failure',
  'insufficient credentials',
  'authentication service cannot retrieve',
  'user not known to the underlying authentication module',
  'have exhausted maximum number of retries',
  'authentication token',
  'user account has expired',
  'cannot make/remove an entry for the specified session',
  'user credentials expired',
  'failure setting user credentials',
  'conversation error',
  'authentication information cannot be recovered',
  'module is unknown',
];
