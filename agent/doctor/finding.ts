import type { CheckName } from './checks.js';

/** What one check came to: `mend` counts, `note` is worth knowing, `unknown` could not be found out here. */
export interface Finding {
  readonly check: CheckName;
  readonly verdict: 'ok' | 'note' | 'mend' | 'unknown';
  /** One sentence, without its full stop. */
  readonly found: string;
  /** What to do about it, as it follows "; ". */
  readonly remedy?: string;
}

export const ok = (check: CheckName, found: string): Finding => ({ check, verdict: 'ok', found });
export const note = (check: CheckName, found: string, remedy?: string): Finding =>
  make(check, 'note', found, remedy);
export const mend = (check: CheckName, found: string, remedy?: string): Finding =>
  make(check, 'mend', found, remedy);
export const unknown = (check: CheckName, found: string, remedy?: string): Finding =>
  make(check, 'unknown', found, remedy);

function make(
  check: CheckName,
  verdict: Finding['verdict'],
  found: string,
  remedy?: string,
): Finding {
  const plain = found.replace(/\.$/, '');
  return { check, verdict, found: plain, ...(remedy === undefined ? {} : { remedy }) };
}

/** Ends a check that waits for others. `what` completes "… did not answer within 5 s". */
export async function withinDeadline<T>(
  deadlineMs: number,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      controller.abort();
      reject(new Error(`${what} did not answer within ${deadlineMs / 1000} s (ETIMEDOUT)`));
    }, deadlineMs);
  });
  const running = work(controller.signal);
  running.catch(() => undefined);
  try {
    return await Promise.race([running, late]);
  } finally {
    clearTimeout(timer);
  }
}
