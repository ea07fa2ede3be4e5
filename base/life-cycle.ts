/** One of the parts that something is made of. A part may have nothing to do at one of its ends. */
export interface Part {
  /** Completes "could not stop …". */
  readonly name: string;
  /** Rejects when nothing that comes after it can work without it. */
  start?(): Promise<void> | void;
  /** Also called when `start` was not, or did not end well. */
  stop?(): Promise<void> | void;
}

interface LifeCycleWatcher {
  stopping(part: Part): void;
  /** A part could not be stopped; the others are stopped all the same. */
  stopFailed(part: Part, error: unknown): void;
}

/**
 * Starts parts in their order and stops them in the reverse order.
 *
 * 1. A part is started when those before it have started; after one that failed none is.
 * 2. A stop ends every part, also when one of them fails to, and each one once.
 */
export class LifeCycle {
  private stopped: Promise<void> | undefined;

  constructor(
    private readonly parts: readonly Part[],
    private readonly watcher: LifeCycleWatcher,
  ) {}

  /** @throws what the first part that could not start threw */
  async start(): Promise<void> {
    for (const part of this.parts) {
      if (this.stopped !== undefined) return;
      await part.start?.();
    }
  }

  /** Resolves when every part has stopped; never rejects. */
  stop(): Promise<void> {
    this.stopped ??= this.stopAll();
    return this.stopped;
  }

  private async stopAll(): Promise<void> {
    for (const part of this.parts.toReversed()) {
      if (part.stop === undefined) continue;
      this.watcher.stopping(part);
      try {
        await part.stop();
      } catch (error) {
        this.watcher.stopFailed(part, error);
      }
    }
  }
}
