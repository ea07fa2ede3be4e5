import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** The process that runs what the agent may not, as systemd starts it on a device. */
export class InventoryProcess {
  /** Resolves when it may be asked, or cannot be. */
  readonly ready: Promise<void>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.ready = new Promise((resolve) => {
      child.stdout?.once('data', () => resolve());
      child.once('close', () => resolve());
    });
  }

  /** Starts the program at `file`, which answers at the sockets in `directory`. */
  static start(
    file: string,
    directory: string,
    onLogLine: (line: string) => void,
  ): InventoryProcess {
    const child = spawn(process.execPath, [file, '--listen', directory], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // As the agent: Ctrl-C in the terminal reaches the demo alone.
      detached: true,
    });
    createInterface({ input: child.stderr }).on('line', onLogLine);
    child.on('error', (error) => onLogLine(`it could not be started: ${error.message}`));
    process.once('exit', () => child.kill('SIGKILL'));
    return new InventoryProcess(child);
  }

  stop(): void {
    this.#child.kill('SIGTERM');
  }
}
