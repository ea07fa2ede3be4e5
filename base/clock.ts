/** A timer that has been set; cancelling one that has fired does nothing. */
export interface Timer {
  cancel(): void;
}

/**
 * The two clocks of the host. Intervals are measured on the monotonic one, so that a step of the wall clock
 * neither fires nor starves them; the wall clock is only read to say when something happened.
 */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z; may jump. */
  wallMs(): number;
  /** Milliseconds since an arbitrary moment; never goes back. */
  monotonicMs(): number;
  /** Calls `action` once, `delayMs` milliseconds from now on the monotonic clock. Never keeps the process alive. */
  after(delayMs: number, action: () => void): Timer;
}

/** Before this the clock of a device has not been set yet. */
export const clockIsSetAfterMs = Date.UTC(2025, 0, 1);

/** Node's timers hold at most 2^31-1 ms; longer ones would fire at once. */
const longestNodeTimerMs = 0x7fff_ffff;

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, action) {
    let handle: NodeJS.Timeout;
    const arm = (remainingMs: number): void => {
      const stepMs = Math.min(Math.max(remainingMs, 0), longestNodeTimerMs);
      handle = setTimeout(() => {
        if (remainingMs > stepMs) arm(remainingMs - stepMs);
        else action();
      }, stepMs);
      handle.unref();
    };
    arm(delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};
