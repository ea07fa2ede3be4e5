import type { Clock } from './clock.js';

/** A promise and what settles it. */
interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

export function deferred<T>(): Deferred<T> {
  let settle: Pick<Deferred<T>, 'resolve' | 'reject'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // The executor has run by now.
  return { promise, ...(settle as unknown as Pick<Deferred<T>, 'resolve' | 'reject'>) };
}

/** Gives up waiting for `work` after `limitMs`; what `work` does later is ignored, a late rejection included. */
export async function withDeadline<T>(
  clock: Clock,
  limitMs: number,
  work: Promise<T>,
  late: () => Error,
): Promise<T> {
  const expired = deferred<never>();
  const timer = clock.after(limitMs, () => {
    expired.reject(late());
  });
  try {
    return await Promise.race([work, expired.promise]);
  } finally {
    timer.cancel();
  }
}
