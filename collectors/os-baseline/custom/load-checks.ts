import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { hasCode, plainReason } from '../../../base/errors.js';
import type { TwinSettings } from '../../../config/twin-settings.js';
import type { Check } from '../checks/check.js';
import type { HostFiles } from '../facts/host-files.js';
import { CustomChecksError } from './custom-error.js';
import { parseCustomChecks } from './parse-checks.js';

export type CustomSettings = Pick<
  TwinSettings,
  'baselineCustomChecksEnabled' | 'baselineCustomChecksFilePath' | 'baselineCustomChecksFileHash'
>;

export const longestCustomFileBytes = 256 * 1024;

/** Checks of an operator's own, or why they cannot be used: a sentence. */
export type CustomChecks = { readonly checks: readonly Check[] } | { readonly problem: string };

/**
 * The checks of the file that the twin names. The file is read once; the hash is of the very bytes that are then parsed, and
 * nothing of them is looked at before it is right. Whoever can write the twin can have neither a program run nor the content
 * of a file told: a file with another hash is named by its path alone.
 */
export async function loadCustomChecks(
  settings: CustomSettings,
  files: HostFiles,
): Promise<CustomChecks> {
  const path = settings.baselineCustomChecksFilePath;
  const hash = settings.baselineCustomChecksFileHash;
  if (!settings.baselineCustomChecksEnabled) return { checks: [] };
  if (path === null) return { problem: 'Set baselineCustomChecksFilePath to the file of checks.' };
  if (hash === null)
    return { problem: 'Set baselineCustomChecksFileHash to the SHA-256 of the file.' };
  try {
    const bytes = await readCustomFile(path, files);
    if (sha256Of(bytes) !== hash.toLowerCase())
      throw new CustomChecksError(
        `The file ${path} has another SHA-256 than baselineCustomChecksFileHash: put the right file there, or its hash into the twin.`,
      );
    return { checks: await parseCustomChecks(textOf(bytes)) };
  } catch (error) {
    if (error instanceof CustomChecksError) return { problem: error.message };
    throw error;
  }
}

export function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** @throws CustomChecksError */
export function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new CustomChecksError('Write the file of checks in UTF-8.');
  }
}

/**
 * A regular file as a whole. A symbolic link in its place is refused, so that what is hashed is what the path names; links
 * on the way to it stay within the root of the device.
 * @throws CustomChecksError
 */
export async function readCustomFile(path: string, files: HostFiles): Promise<Buffer> {
  const fault = (says: string): CustomChecksError =>
    new CustomChecksError(`The file of checks ${path} ${says}.`);
  try {
    const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
    const file = await open(await files.locate(path, 'unfollowed'), flags);
    try {
      if (!(await file.stat()).isFile()) throw fault('is not a regular file');
      const buffer = Buffer.alloc(longestCustomFileBytes + 1);
      let length = 0;
      for (;;) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
        length += bytesRead;
        if (length > longestCustomFileBytes)
          throw fault(`has more than ${longestCustomFileBytes} bytes`);
        if (bytesRead === 0) return buffer.subarray(0, length);
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof CustomChecksError) throw error;
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) throw fault('does not exist');
    if (hasCode(error, 'ELOOP')) throw fault('is a symbolic link; name the file itself');
    if (hasCode(error, 'EACCES', 'EPERM')) throw fault('may not be read by the agent');
    throw fault(`cannot be read: ${plainReason(error)}`);
  }
}
