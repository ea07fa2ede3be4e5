import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { plainReason } from '../../base/errors.js';

/** Secrets are small; what is larger is none of ours. */
const longestSecretBytes = 1_048_576;

/**
 * Writes zeros over a file of secrets, and waits until they are on the disk. On flash, and where the file system writes
 * elsewhere what is changed, the old content may survive below; whoever asks is to be told.
 * @returns why it was not overwritten, as it completes "not overwritten, because …"; undefined when it was
 */
export async function overwrite(path: string | Buffer): Promise<string | undefined> {
  try {
    const { O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
    const file = await open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const { nlink, size } = await file.stat();
      if (nlink > 1) return 'the file has other names as well';
      if (size > longestSecretBytes) return 'it is too large to be a secret';
      await file.write(Buffer.alloc(size), 0, size, 0);
      await file.sync();
      await file.truncate(0);
      await file.sync();
    } finally {
      await file.close();
    }
    return undefined;
  } catch (error) {
    return plainReason(error);
  }
}
