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
  const [, code, text] = /^([A-Z][A-Z0-9]+): (.+?), \w+( '|$)/.exec(reason) ?? [];
  return code === undefined || text === undefined ? reason : `${text} (${code})`;
}
