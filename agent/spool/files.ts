import { constants, promises as fs } from 'node:fs';
import { makeDirectory } from '../../base/make-directory.js';

/** An open file. Every call may fail with a `NodeJS.ErrnoException`, as the system calls behind it may. */
export interface SpoolFile {
  /** Bytes written, which may be fewer than given: pwrite(2). */
  write(bytes: Uint8Array, position: number): Promise<number>;
  /** Bytes read, 0 at the end of the file: pread(2). */
  read(into: Uint8Array, position: number): Promise<number>;
  sizeBytes(): Promise<number>;
  truncate(sizeBytes: number): Promise<void>;
  /** fdatasync(2): the content, and what is needed to find it again, is on the medium. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** `create` makes a file and fails when there is one, `update` keeps what is there and makes it when absent. */
export type OpenMode = 'read' | 'create' | 'update';

/** The file system as the spool sees it; handed in, so that a test can let any call fail. */
export interface SpoolFiles {
  /** Makes a directory, and its parents, that only the owner may enter. */
  makeDirectory(path: string): Promise<void>;
  /** The names in a directory. */
  list(path: string): Promise<readonly string[]>;
  /** New files have mode 0600; symbolic links are not followed, and only regular files are opened. */
  open(path: string, mode: OpenMode): Promise<SpoolFile>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Makes what was created, renamed or unlinked in a directory last. */
  syncDirectory(path: string): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  readlink(path: string): Promise<string>;
}

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;
const flags: Record<OpenMode, number> = {
  read: O_RDONLY | O_NOFOLLOW,
  create: O_RDWR | O_CREAT | O_EXCL,
  update: O_RDWR | O_CREAT | O_NOFOLLOW,
};

function openFile(handle: fs.FileHandle): SpoolFile {
  return {
    write: async (bytes, position) =>
      (await handle.write(bytes, 0, bytes.length, position)).bytesWritten,
    read: async (into, position) => (await handle.read(into, 0, into.length, position)).bytesRead,
    sizeBytes: async () => (await handle.stat()).size,
    truncate: (sizeBytes) => handle.truncate(sizeBytes),
    sync: () => handle.datasync(),
    close: () => handle.close(),
  };
}

export const systemFiles: SpoolFiles = {
  async makeDirectory(path) {
    await makeDirectory(path, 0o700);
    await fs.chmod(path, 0o700);
  },
  list: (path) => fs.readdir(path),
  async open(path, mode) {
    // Without O_NONBLOCK, opening a named pipe waits for its other end, and the start of the agent with it.
    const handle = await fs.open(path, flags[mode] | O_NONBLOCK, 0o600);
    if ((await handle.stat()).isFile()) return openFile(handle);
    await handle.close();
    throw new Error(`${path} is not a regular file.`);
  },
  rename: (from, to) => fs.rename(from, to),
  unlink: (path) => fs.unlink(path),
  async syncDirectory(path) {
    const handle = await fs.open(path, O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  symlink: (target, path) => fs.symlink(target, path),
  readlink: (path) => fs.readlink(path),
};
