import { access, readdir, readlink } from 'node:fs/promises';
import { readBoundedFile } from '../../base/bounded-file.js';
import { printable } from '../../base/text.js';
import type { Details, Payload } from '../../contract/events.js';
import type { Paths } from '../kernel/paths.js';

/** What one subject tells; whatever is not known is not in it. */
export interface Told {
  readonly fields?: Omit<Payload<'SystemInformation'>, 'ExtraDetails'>;
  readonly details?: Details<'SystemInformation'>;
}

/** No file of /sys or /proc that is read here is longer. */
const mostBytes = 64 * 1024;
const longestValue = 200;

/** The files that tell what a system is: small, and perhaps absent, forbidden or full of what nobody expects. */
export class SystemFiles {
  constructor(readonly paths: Paths) {}

  /** What a file holds, as it is; undefined where it cannot be had. */
  async bytes(path: string): Promise<Buffer | undefined> {
    return (await readBoundedFile(path, mostBytes).catch(() => undefined))?.bytes;
  }

  async text(path: string): Promise<string | undefined> {
    return (await this.bytes(path))?.toString('utf8');
  }

  /** The one value that a file of /sys or the device tree holds. */
  async value(path: string): Promise<string | undefined> {
    return tidy(await this.text(path));
  }

  async exists(path: string): Promise<boolean> {
    return access(path).then(
      () => true,
      () => false,
    );
  }

  /** The names in a directory; undefined where it cannot be had. */
  async names(path: string): Promise<readonly string[] | undefined> {
    return readdir(path).catch(() => undefined);
  }

  async target(path: string): Promise<string | undefined> {
    return readlink(path).catch(() => undefined);
  }
}

/**
 * A stranger's text as a value: one line, of bounded length, without what ends it in the device tree, and unprintable
 * characters escaped. Undefined when nothing is left.
 */
export function tidy(text: string | undefined): string | undefined {
  const value = text?.replace(/\0[\s\S]*$/, '').trim();
  return value === undefined || value === '' ? undefined : printable(value, longestValue);
}

/** Leaves out the members that are undefined. */
export function known<T extends object>(members: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined),
  ) as T;
}
