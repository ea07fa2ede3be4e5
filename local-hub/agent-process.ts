import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** How Node is started. */
interface NodeOptions {
  readonly nodeArguments?: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
}

/** The agent as a child of the demo. */
export class AgentProcess {
  /** Resolves when the log tells that the collectors are armed. */
  readonly ready: Promise<void>;
  /** Resolves once the process has ended and its log is read to the end; rejects when it cannot be started. */
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, onLogLine: (line: string) => void) {
    this.#child = child;
    this.ready = new Promise((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        if (stream === null) continue;
        createInterface({ input: stream }).on('line', (line) => {
          onLogLine(line);
          if (/\bready\b/.test(line)) resolve();
        });
      }
    });
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
    this.ended.catch(() => {
      // Whoever waits for it gets the error; until then it must not end this process.
    });
  }

  /** Starts `run --config` of the program at `agentFile`. */
  static start(
    agentFile: string,
    configFile: string,
    onLogLine: (line: string) => void,
    { nodeArguments = [], environment = {} }: NodeOptions = {},
  ): AgentProcess {
    const args = [...nodeArguments, agentFile, 'run', '--config', configFile];
    const child = spawn(process.execPath, args, {
      // Not under systemd, whatever started the demo: its log is for people here.
      env: { ...process.env, ...environment, JOURNAL_STREAM: undefined, NOTIFY_SOCKET: undefined },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own: Ctrl-C in the terminal reaches the demo alone, which then stops the agent.
      detached: true,
    });
    return new AgentProcess(child, onLogLine);
  }

  /** Undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Asks it to end, and kills it when it has not after `limitMs`. */
  async stop(limitMs: number, signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM'): Promise<Ending> {
    this.#child.kill(signal);
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), limitMs);
    try {
      return await this.ended;
    } finally {
      clearTimeout(kill);
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** For the last moment of this process. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
