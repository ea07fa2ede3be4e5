/** What one check came to: `mend` counts, `note` is worth knowing, `unknown` could not be found out here. */
export interface Finding {
  readonly outcome: 'ok' | 'note' | 'mend' | 'unknown';
  /** What was found: one sentence, without its full stop. */
  readonly says: string;
  /** What to do about it, as it follows "; ". */
  readonly remedy?: string;
}

export const ok = (says: string): Finding => ({ outcome: 'ok', says });
export const note = (says: string, remedy?: string): Finding => make('note', says, remedy);
export const mend = (says: string, remedy?: string): Finding => make('mend', says, remedy);
export const unknown = (says: string, remedy?: string): Finding => make('unknown', says, remedy);

function make(outcome: Finding['outcome'], says: string, remedy?: string): Finding {
  const plain = says.replace(/\.$/, '');
  return { outcome, says: plain, ...(remedy === undefined ? {} : { remedy }) };
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
