import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { rename, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readBoundedFile } from '../../base/bounded-file.js';
import { parseJson } from '../../base/json.js';
import { Turns } from '../../base/turns.js';
import type { ServiceEnd } from './absence.js';
import { beatAsJson, parseBeat, type Beat } from './moment.js';

/** In the runtime directory, which is memory under systemd: a sign of life costs the flash nothing. */
const names = {
  alive: 'alive.json',
  /** Written by the unit when the service has ended, see `ExecStopPost=`. */
  ended: 'ended',
} as const;

const largestBytes = 16_384;
/** TMPFS_MAGIC and RAMFS_MAGIC of `uapi/linux/magic.h`. */
const inMemory: ReadonlySet<number> = new Set([0x0102_1994, 0x8584_58f6]);

/** What a run leaves in the runtime directory for the next one. Never rejects: without it less is known, and nothing else. */
export class Traces {
  private readonly turns = new Turns();
  /** Undefined as long as the directory is not there. */
  private isInMemory: boolean | undefined;

  constructor(private readonly directory: string) {}

  /** Takes what the run before left; what systemd said of its end is told once. */
  async take(): Promise<{ beat: Beat | undefined; systemd: ServiceEnd | undefined }> {
    const alive = await this.read(names.alive);
    const systemd = parseServiceEnd(await this.read(names.ended));
    await rm(join(this.directory, names.ended), { force: true }).catch(() => undefined);
    return { beat: parsedBeat(alive), systemd };
  }

  leave(beat: Beat): Promise<void> {
    return this.turns.run(() => this.write(beat));
  }

  private async write(beat: Beat): Promise<void> {
    const path = join(this.directory, names.alive);
    const draft = `${path}.new`;
    const text = JSON.stringify(beatAsJson(beat));
    try {
      // Some microseconds, for which no thread of the pool needs to be woken; a disk may take long.
      if ((this.isInMemory ??= inMemory.has((await statfs(this.directory)).type))) {
        writeFileSync(draft, text, { mode: 0o600 });
        renameSync(draft, path);
      } else {
        await writeFile(draft, text, { mode: 0o600 });
        await rename(draft, path);
      }
    } catch {
      // The directory is missing or full: the next run knows what the counters tell.
    }
  }

  private async read(name: string): Promise<string> {
    try {
      return (await readBoundedFile(join(this.directory, name), largestBytes)).bytes.toString();
    } catch {
      return '';
    }
  }
}

function parsedBeat(text: string): Beat | undefined {
  try {
    return parseBeat(parseJson(text));
  } catch {
    return undefined;
  }
}

/** `RESULT CODE STATUS`, as systemd.exec(5) has them. */
export function parseServiceEnd(text: string): ServiceEnd | undefined {
  const [, result, code, status] =
    /^([a-z-]{1,32}) ([a-z]{1,16}) ([A-Z0-9]{1,16})\n?$/.exec(text) ?? [];
  if (result === undefined || code === undefined || status === undefined) return undefined;
  return { result, code, status };
}

/**
 * For how long the main thread ran or waited for a processor since it began, in milliseconds; undefined where the kernel
 * does not tell (`CONFIG_SCHED_INFO`).
 */
export function busyMs(procRoot: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(join(procRoot, 'self', 'schedstat'), 'utf8');
  } catch {
    return undefined;
  }
  const [, ran, waited] = /^(\d{1,20}) (\d{1,20}) /.exec(text) ?? [];
  return ran === undefined ? undefined : (Number(ran) + Number(waited)) / 1e6;
}
