import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readBoundedFile } from '../../base/bounded-file.js';
import { parseJson } from '../../base/json.js';
import { Turns } from '../../base/turns.js';
import type { ServiceEnd } from './absence.js';
import { beatAsJson, parseBeat, type Beat } from './moment.js';

/** In the runtime directory, which is memory: a sign of life costs the flash nothing. */
const names = {
  alive: 'alive.json',
  /** Written by the unit when the service has ended, see `ExecStopPost=`. */
  ended: 'ended',
} as const;

const largestBytes = 16_384;

/** What a run leaves in the runtime directory for the next one. Never rejects: without it less is known, and nothing else. */
export class Traces {
  private readonly turns = new Turns();

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
    try {
      await writeFile(`${path}.new`, JSON.stringify(beatAsJson(beat)), { mode: 0o600 });
      await rename(`${path}.new`, path);
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
export async function busyMs(procRoot: string): Promise<number | undefined> {
  const text = await readFile(join(procRoot, 'self', 'schedstat'), 'utf8').catch(() => '');
  const [, ran, waited] = /^(\d{1,20}) (\d{1,20}) /.exec(text) ?? [];
  return ran === undefined ? undefined : (Number(ran) + Number(waited)) / 1e6;
}
