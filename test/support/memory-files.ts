import type { OpenMode, SpoolFile, SpoolFiles } from '../../agent/spool/files.js';

interface Inode {
  bytes: Buffer;
  /** What a power cut leaves of it. */
  durable: Buffer;
  readonly target?: string;
  readonly directory?: boolean;
}

export type Operation = keyof SpoolFiles | keyof SpoolFile;

/**
 * A file system in memory that knows what a power cut would leave: the content as of the last sync of the file,
 * under the names as of the last sync of the directory. Any call can be made to fail, a write to be short.
 */
export class MemoryFiles implements SpoolFiles {
  private names = new Map<string, Inode>();
  private durableNames = new Map<string, Inode>();
  /** Returns the code of the error that the call fails with, for example `ENOSPC`. */
  fault: (operation: Operation, path: string, mode?: OpenMode) => string | undefined = () =>
    undefined;
  /** At most this many bytes are taken by one write. */
  longestWriteBytes = Infinity;
  /** Writes fail with ENOSPC when the files would take more. */
  capacityBytes = Infinity;
  calls = new Map<Operation, number>();

  private enter(operation: Operation, path: string, mode?: OpenMode): void {
    this.calls.set(operation, (this.calls.get(operation) ?? 0) + 1);
    const code = this.fault(operation, path, mode);
    if (code !== undefined) throw failure(code, path);
  }

  async makeDirectory(path: string): Promise<void> {
    await Promise.resolve();
    this.enter('makeDirectory', path);
  }

  async list(path: string): Promise<readonly string[]> {
    await Promise.resolve();
    this.enter('list', path);
    return [...this.names.keys()]
      .filter((name) => name.startsWith(`${path}/`))
      .map((name) => name.slice(path.length + 1));
  }

  async open(path: string, mode: OpenMode): Promise<SpoolFile> {
    await Promise.resolve();
    this.enter('open', path, mode);
    let inode = this.names.get(path);
    if (mode === 'create' && inode !== undefined) throw failure('EEXIST', path);
    if (inode === undefined) {
      if (mode === 'read') throw failure('ENOENT', path);
      inode = { bytes: Buffer.alloc(0), durable: Buffer.alloc(0) };
      this.names.set(path, inode);
    }
    if (inode.target !== undefined) throw failure('ELOOP', path);
    if (inode.directory === true && mode !== 'read') throw failure('EISDIR', path);
    return this.file(path, inode);
  }

  private file(path: string, inode: Inode): SpoolFile {
    const enter = async (operation: Operation): Promise<void> => {
      await Promise.resolve();
      this.enter(operation, path);
    };
    return {
      write: async (bytes, position) => {
        await enter('write');
        const taken = Buffer.from(bytes.subarray(0, this.longestWriteBytes));
        const size = Math.max(inode.bytes.length, position + taken.length);
        if (this.usedBytes() - inode.bytes.length + size > this.capacityBytes)
          throw failure('ENOSPC', path);
        const grown = Buffer.alloc(size);
        inode.bytes.copy(grown);
        taken.copy(grown, position);
        inode.bytes = grown;
        return taken.length;
      },
      read: async (into, position) => {
        await enter('read');
        if (inode.directory === true) throw failure('EISDIR', path);
        return inode.bytes.copy(into, 0, position);
      },
      sizeBytes: async () => {
        await enter('sizeBytes');
        return inode.directory === true ? 4096 : inode.bytes.length;
      },
      truncate: async (sizeBytes) => {
        await enter('truncate');
        inode.bytes = Buffer.from(inode.bytes.subarray(0, sizeBytes));
      },
      sync: async () => {
        await enter('sync');
        inode.durable = Buffer.from(inode.bytes);
      },
      close: () => enter('close'),
    };
  }

  async rename(from: string, to: string): Promise<void> {
    await Promise.resolve();
    this.enter('rename', from);
    this.names.set(to, this.inode(from));
    this.names.delete(from);
  }

  async unlink(path: string): Promise<void> {
    await Promise.resolve();
    this.enter('unlink', path);
    if (this.inode(path).directory === true) throw failure('EISDIR', path);
    this.names.delete(path);
  }

  async syncDirectory(path: string): Promise<void> {
    await Promise.resolve();
    this.enter('syncDirectory', path);
    this.durableNames = new Map(this.names);
  }

  async symlink(target: string, path: string): Promise<void> {
    await Promise.resolve();
    this.enter('symlink', path);
    if (this.names.has(path)) throw failure('EEXIST', path);
    this.names.set(path, { bytes: Buffer.alloc(0), durable: Buffer.alloc(0), target });
  }

  async readlink(path: string): Promise<string> {
    await Promise.resolve();
    this.enter('readlink', path);
    const { target } = this.inode(path);
    if (target === undefined) throw failure('EINVAL', path);
    return target;
  }

  /**
   * The end of the power. `torn` of each file's unsynced end (0 to 1) reached the medium nevertheless; of the names
   * that were made or removed since the last sync of their directory, `namesKept` says which did.
   */
  powerCut(torn = 0, namesKept: (path: string) => boolean = () => false): void {
    const after = new Map(this.durableNames);
    for (const path of new Set([...this.names.keys(), ...this.durableNames.keys()])) {
      if (!namesKept(path)) continue;
      const inode = this.names.get(path);
      if (inode === undefined) after.delete(path);
      else after.set(path, inode);
    }
    this.names = after;
    this.durableNames = new Map(after);
    for (const inode of this.names.values()) {
      const { bytes, durable } = inode;
      const more = Math.max(0, Math.floor((bytes.length - durable.length) * torn));
      inode.bytes = Buffer.concat([durable, bytes.subarray(durable.length, durable.length + more)]);
      inode.durable = inode.bytes;
    }
  }

  /** A copy of what is there, which later calls do not touch. */
  fork(): ReadonlyMap<string, Inode> {
    return new Map([...this.names].map(([name, inode]) => [name, { ...inode }]));
  }

  adopt(names: ReadonlyMap<string, Inode>): void {
    this.names = new Map(names);
    this.durableNames = new Map(names);
  }

  /** Journal segments, by name. */
  segments(): string[] {
    return [...this.names.keys()].filter((name) => name.endsWith('.journal')).sort();
  }

  has(path: string): boolean {
    return this.names.has(path);
  }

  content(path: string): Buffer {
    return this.inode(path).bytes;
  }

  put(path: string, bytes: Buffer): void {
    this.names.set(path, { bytes, durable: bytes });
    this.durableNames.set(path, { bytes, durable: bytes });
  }

  putDirectory(path: string): void {
    this.names.set(path, { bytes: Buffer.alloc(0), durable: Buffer.alloc(0), directory: true });
  }

  remove(path: string): void {
    this.names.delete(path);
  }

  flip(path: string, offset: number): void {
    const bytes = Buffer.from(this.inode(path).bytes);
    // Not an involution: the same damage twice must not repair.
    bytes[offset] = ((bytes[offset] ?? 0) + 0x41) & 0xff;
    this.inode(path).bytes = bytes;
    this.inode(path).durable = bytes;
  }

  /** Of all files but those put aside. */
  usedBytes(): number {
    let sum = 0;
    for (const [name, { bytes }] of this.names)
      if (!name.endsWith('.quarantine')) sum += bytes.length;
    return sum;
  }

  private inode(path: string): Inode {
    const inode = this.names.get(path);
    if (inode === undefined) throw failure('ENOENT', path);
    return inode;
  }
}

function failure(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
