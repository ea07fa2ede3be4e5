/** Runs asynchronous steps one at a time, in the order in which they came; a step that fails does not stop the next. */
export class Turns {
  private last: Promise<unknown> = Promise.resolve();

  /** Settles as `step` does. */
  run<T>(step: () => Promise<T>): Promise<T> {
    const result = this.last.then(step);
    this.last = result.catch(() => undefined);
    return result;
  }

  /** Resolves when every step has ended, those included that came meanwhile; never rejects. */
  async settled(): Promise<void> {
    for (let last: Promise<unknown> | undefined; last !== this.last;) {
      last = this.last;
      await last;
    }
  }
}
