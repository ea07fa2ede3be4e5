import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock, Timer } from '../../base/clock.js';
import { reasonOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { stageFile } from '../../base/staged-file.js';
import { unitPath } from '../supervisor/systemd-path.js';

const intervalMs = 60_000;

interface MetricsFileOptions {
  readonly path: string;
  readonly content: () => string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Keeps a file for the textfile collector of node_exporter, which reads it at any moment; gone when the agent is. */
export class MetricsFile {
  private timer: Timer | undefined;
  private failed = false;
  private stopped = false;

  constructor(private readonly options: MetricsFileOptions) {}

  /** Never rejects. */
  async start(): Promise<void> {
    await this.write();
    if (!this.stopped) {
      this.timer = this.options.clock.after(intervalMs, () => void this.start());
    }
  }

  /** Old numbers would look like those of an agent that runs. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    if (!this.failed) await rm(this.options.path, { force: true }).catch(() => undefined);
  }

  private async write(): Promise<void> {
    const { content, log, path } = this.options;
    try {
      // node_exporter runs as somebody else.
      const staged = await stageFile(path, content(), { mode: 0o644 });
      await staged.commit();
      this.failed = false;
    } catch (error) {
      if (!this.failed) {
        log.warn(
          `The metrics could not be written to ${path}: ${reasonOf(error)}. Make its directory writable to the agent's user, in the unit with ReadWritePaths=${unitPath(dirname(path))}, or remove "metricsFile".`,
        );
      }
      this.failed = true;
    }
  }
}
