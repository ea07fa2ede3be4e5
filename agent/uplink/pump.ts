/**
 * Runs one piece of work over and over for as long as it is asked for, never two at a time: asked for while it runs, it
 * runs once more after that.
 */
export class Pump {
  private running: Promise<void> | undefined;
  private again = false;

  /**
   * @param work what is run
   * @param onFailed is given what it rejected with
   * @param onDry there is nothing more that was asked for
   */
  constructor(
    private readonly work: () => Promise<void>,
    private readonly onFailed: (error: unknown) => void,
    private readonly onDry: () => void,
  ) {}

  ask(): void {
    this.again = true;
    this.running ??= this.runAll()
      .catch(this.onFailed)
      .finally(() => {
        this.running = undefined;
        if (this.again) this.ask();
        else this.onDry();
      });
  }

  /** Resolves when what runs now has ended. */
  async settled(): Promise<void> {
    await this.running;
  }

  private async runAll(): Promise<void> {
    while (this.again) {
      this.again = false;
      await this.work();
    }
  }
}
