import { open, readdir, readlink, realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import { hasCode } from '../../../base/errors.js';

const longestAttribute = 4096;
const longestText = 256;
const mostEntries = 2_000;

/**
 * A thin reader of /sys. What cannot be read reads as absent: a device may be pulled while it is looked at, and its
 * attributes answer with whatever error the driver has.
 */
export class Sysfs {
  /** Folders that this user may not list. */
  forbidden = 0;
  /** Entries beyond the bound of a folder. */
  beyond = 0;

  /** @param root where /sys is */
  constructor(
    readonly root: string,
    private readonly signal: AbortSignal,
  ) {}

  /** The names in a folder in order, or none where it is not there. */
  async list(folder: string): Promise<readonly string[]> {
    this.signal.throwIfAborted();
    try {
      const names = (await readdir(`${this.root}/${folder}`)).sort(byNumbers);
      this.beyond += Math.max(0, names.length - mostEntries);
      return names.slice(0, mostEntries);
    } catch (error) {
      if (hasCode(error, 'EACCES', 'EPERM')) this.forbidden++;
      return [];
    }
  }

  /** Where a link of `bus/` or `class/` leads, from the root of /sys on; undefined when the device is gone. */
  async place(path: string): Promise<string | undefined> {
    try {
      const [real, root] = await Promise.all([
        realpath(`${this.root}/${path}`),
        realpath(this.root),
      ]);
      return real.startsWith(`${root}/`) ? real.slice(root.length + 1) : undefined;
    } catch {
      return undefined;
    }
  }

  /** The text of an attribute, on one line and without blanks at its ends; undefined where there is none. */
  async text(path: string): Promise<string | undefined> {
    const text = oneLine((await this.lines(path)).join(' ')).slice(0, longestText);
    return text === '' ? undefined : text;
  }

  /** The lines of an attribute such as `uevent`. */
  async lines(path: string): Promise<readonly string[]> {
    this.signal.throwIfAborted();
    try {
      const file = await open(`${this.root}/${path}`, 'r');
      try {
        const buffer = Buffer.alloc(longestAttribute);
        const { bytesRead } = await file.read(buffer, 0, longestAttribute, 0);
        return buffer.toString('utf8', 0, bytesRead).split('\n');
      } finally {
        await file.close();
      }
    } catch {
      return [];
    }
  }

  /** The last part of what a link leads to, as the name of a driver. */
  async linkName(path: string): Promise<string | undefined> {
    try {
      return oneLine(basename(await readlink(`${this.root}/${path}`))).slice(0, longestText);
    } catch {
      return undefined;
    }
  }

  /** Whether there is a file or folder. */
  async has(path: string): Promise<boolean> {
    return (await this.place(path)) !== undefined;
  }
}

/** Texts of devices are what their makers, or who forged them, wrote. */
function oneLine(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is taken out
  return text.replaceAll(/[\s\u0000-\u001f\u007f-\u009f]+/gu, ' ').trim();
}

const partsOf = (name: string): (string | number)[] =>
  name.split(/(\d+)/u).map((part, index) => (index % 2 === 1 ? Number(part) : part));

/** `usb2` before `usb10`, without the collation data of ICU, which would stay in memory. */
export function byNumbers(a: string, b: string): number {
  const others = partsOf(b);
  for (const [index, part] of partsOf(a).entries()) {
    const other = others[index];
    if (other === undefined) return 1;
    if (part !== other) return part < other ? -1 : 1;
  }
  return a.length - b.length || (a < b ? -1 : Number(a > b));
}
