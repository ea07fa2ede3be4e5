import { getSystemErrorMap } from 'node:util';

/** The sentence of whatever was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether an error of the operating system is one of `codes`, names as in errno(3). */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && codes.includes(code);
}

/**
 * The sentence of whatever was thrown; of an error of the operating system only what it is, as "no space left on device
 * (ENOSPC)": the call and the paths, which Node adds, are told by whoever knows what they were for.
 */
export function plainReason(error: unknown): string {
  const reason = reasonOf(error);
  // Of a socket or a pipe Node tells the call, the name and perhaps the address: "write EPIPE".
  const known = /^\w+ E[A-Z0-9]+( |$)/.test(reason) ? systemError(error) : undefined;
  if (known !== undefined) return known;
  const [, code, text] = /^([A-Z][A-Z0-9]+): (.+?), \w+( '|$)/.exec(reason) ?? [];
  return code === undefined || text === undefined ? reason : `${text} (${code})`;
}

function systemError(error: unknown): string | undefined {
  const number = error instanceof Error && 'errno' in error ? error.errno : undefined;
  const [name, text] = (typeof number === 'number' && getSystemErrorMap().get(number)) || [];
  return name === undefined || text === undefined ? undefined : `${text} (${name})`;
}
