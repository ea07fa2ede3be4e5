import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import type koffiModule from 'koffi';
import { reasonOf } from '../../base/errors.js';
import type { Unavailable } from '../../base/unavailable.js';

/**
 * The few calls of the C library that Node does not offer: sockets that are neither TCP nor UDP, poll(2), eventfd(2),
 * inotify(7).
 *
 * Every call answers as the kernel does: 0 or more on success, the negated errno on failure. Memory that the kernel
 * writes to is always allocated natively: the address of a JavaScript buffer is not stable.
 */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Buffer): number;
  setSocketOption(fd: number, level: number, option: number, value: Buffer): number;
  /** Reads an `int` option; the negated errno on failure. */
  getSocketOption(fd: number, level: number, option: number): number;
  /** Attaches a classic BPF program, 8 bytes an instruction (`struct sock_filter`). */
  attachFilter(fd: number, program: Buffer): number;
  /** Sends one datagram without blocking, to `address` if the socket is not connected. */
  send(fd: number, datagram: Buffer, address?: Buffer): number;
  /** The same on a thread of the pool, for what the kernel handles before the call returns, however long that takes. */
  sendOnThread(fd: number, datagram: Buffer): Promise<number>;
  /** A non-blocking eventfd. */
  eventfd(): number;
  /** Adds one to the eventfd: whoever polls it wakes up. */
  signal(eventfd: number): number;
  /** Resets the eventfd to zero. */
  clear(eventfd: number): number;
  close(fd: number): number;
  /** A non-blocking inotify instance. */
  inotify(): number;
  /** Watches what is at `path`, or changes what it is watched for; answers the number of the watch. */
  addFileWatch(fd: number, path: string, mask: number): number;
  removeFileWatch(fd: number, watch: number): number;
  /** Reads what waits, at most 64 KiB; the bytes are valid until the next call of any function here. */
  readBytes(fd: number): Buffer | number;
  /**
   * Mounts a file system of its own at no place of the tree: it is reached through /proc/self/fd, nobody else sees it,
   * and closing the descriptor unmounts it (kernel 5.2 and later).
   */
  mountDetached(type: string): number;
  pollSet(capacity: number): PollSet;
  receiver(slots: number, slotBytes: number): Receiver;
}

/** The array of `struct pollfd` handed to poll(2). Not to be touched while `wait` is pending. */
export interface PollSet {
  readonly capacity: number;
  set(index: number, fd: number): void;
  /** The events that poll(2) answered for the entry. */
  events(index: number): number;
  /** poll(2) without a timeout over the first `count` entries, on a thread of the pool. */
  wait(count: number): Promise<number>;
  free(): void;
}

/** The buffers of recvmmsg(2): many datagrams with one call. */
export interface Receiver {
  /** Number of datagrams read without blocking; the negated errno on failure, -EAGAIN when there are none. */
  receive(fd: number): number;
  /** The datagram at `index` of the last `receive`; valid until the next one, so copy what is kept. */
  datagram(index: number): Datagram;
  free(): void;
}

export interface Datagram {
  readonly bytes: Buffer;
  /** Netlink port of the sender, 0 for the kernel. */
  readonly senderPortId: number;
  /** Longer than the slot: the rest is gone. */
  readonly truncated: boolean;
}

export const pollEvents = { readable: 0x1, error: 0x8, hangUp: 0x10, invalid: 0x20 } as const;

/** `include/uapi/asm-generic/socket.h`: the same on arm, arm64, x64 and riscv64. */
export const socketOptions = {
  level: 1,
  receiveBuffer: 8,
  attachFilter: 26,
  receiveBufferForce: 33,
} as const;
export const socketTypes = {
  datagram: 2,
  raw: 3,
  nonBlocking: 0o4000,
  closeOnExec: 0o2000000,
} as const;
export const addressFamilies = { unix: 1, netlink: 16 } as const;

/** "EPERM (operation not permitted)", of an errno as the kernel counts them, sign ignored. */
export function errnoText(errno: number): string {
  const entry = getSystemErrorMap().get(-Math.abs(errno));
  return entry === undefined ? `errno ${Math.abs(errno)}` : `${entry[0]} (${entry[1]})`;
}

const maxOptionBytes = 4096;
const maxDatagramBytes = 65_536;
const dontWait = 0x40;
const truncatedFlag = 0x20;
const addressBytes = 128;
/** The same on every architecture (`include/uapi/asm-generic/unistd.h`). */
const mountCalls = { fsopen: 430, fsconfig: 431, fsmount: 432 } as const;
const createFileSystem = 6;
const closeOnExecMount = 1;
/** MOUNT_ATTR_NOSUID, NODEV, NOEXEC (`include/uapi/linux/mount.h`). */
const harmlessMount = 0x2 | 0x4 | 0x8;
const pollEntryBytes = 8;

/**
 * Loads the foreign-function library and binds the calls. Without its native part (another architecture, a damaged
 * installation) the answer says so and everything that needs it degrades.
 */
export async function loadLibc(): Promise<Libc | Unavailable> {
  if (process.platform !== 'linux') {
    return { unavailable: `Kernel sockets need Linux, and this is ${process.platform}.` };
  }
  try {
    const { default: koffi } = await import('koffi');
    return bindLibc(koffi);
  } catch (error) {
    const reason = reasonOf(error);
    return {
      unavailable: `The native part of koffi could not be loaded for ${process.arch} (${reason}); reinstall the agent with the package for this architecture.`,
    };
  }
}

type Koffi = typeof koffiModule;

function bindLibc(koffi: Koffi): Libc {
  const library = koffi.load(null);
  const call = (
    definition: string,
  ): ((...parameters: (number | bigint | Buffer | null)[]) => number) => {
    const native = library.func(definition);
    return (...parameters) => {
      const answer = Number(native(...parameters));
      return answer < 0 ? -koffi.errno() : answer;
    };
  };
  const socket = call('int socket(int domain, int type, int protocol)');
  const bind = call('int bind(int fd, const void *address, uint32_t length)');
  const setsockopt = call(
    'int setsockopt(int fd, int level, int option, const void *value, uint32_t length)',
  );
  const getsockopt = call('int getsockopt(int fd, int level, int option, void *value, void *size)');
  const sendto = call(
    'intptr_t sendto(int fd, const void *data, size_t length, int flags, const void *address, uint32_t size)',
  );
  const sendLater = library.func(
    'intptr_t send(int fd, const void *data, size_t length, int flags)',
  );
  const recvmmsg = call(
    'int recvmmsg(int fd, void *messages, unsigned int count, int flags, void *timeout)',
  );
  const eventfd = call('int eventfd(unsigned int initial, int flags)');
  const read = call('intptr_t read(int fd, void *data, size_t length)');
  const write = call('intptr_t write(int fd, const void *data, size_t length)');
  const close = call('int close(int fd)');
  const inotifyInit = call('int inotify_init1(int flags)');
  const inotifyAdd = call('int inotify_add_watch(int fd, const void *path, uint32_t mask)');
  const inotifyRemove = call('int inotify_rm_watch(int fd, int watch)');
  const syscall = call(
    'intptr_t syscall(intptr_t number, intptr_t a, intptr_t b, intptr_t c, intptr_t d, intptr_t e)',
  );
  const poll = library.func('int poll(void *entries, unsigned long count, int timeoutMs)');

  const allocate = (sizeBytes: number): { pointer: bigint; bytes: Buffer } => {
    const pointer = koffi.alloc('uint8_t', sizeBytes) as bigint;
    return { pointer, bytes: Buffer.from(koffi.view(pointer, sizeBytes)) };
  };
  // One scratch area for arguments: the calls that use it are synchronous.
  const scratch = allocate(maxDatagramBytes + maxOptionBytes);
  const place = (source: Buffer, offset: number): bigint => {
    source.copy(scratch.bytes, offset);
    return scratch.pointer + BigInt(offset);
  };
  const fits = (source: Buffer, limitBytes: number): boolean => source.length <= limitBytes;
  const tooLong = -constants.errno.EMSGSIZE;

  // Layouts follow the ABI of the running process, so pointer and size_t widths are never written down here.
  const vectorType = koffi.struct({ base: 'void *', length: 'size_t' });
  const headerType = koffi.struct({
    name: 'void *',
    nameLength: 'uint32_t',
    vectors: 'void *',
    vectorCount: 'size_t',
    control: 'void *',
    controlLength: 'size_t',
    flags: 'int',
  });
  const messageType = koffi.struct({ header: headerType, length: 'unsigned int' });
  const filterType = koffi.struct({ count: 'uint16_t', instructions: 'void *' });

  return {
    socket: (domain, type, protocol) => socket(domain, type, protocol),
    bind: (fd, address) =>
      fits(address, maxOptionBytes) ? bind(fd, place(address, 0), address.length) : tooLong,
    setSocketOption: (fd, level, option, value) =>
      fits(value, maxOptionBytes)
        ? setsockopt(fd, level, option, place(value, 0), value.length)
        : tooLong,
    getSocketOption(fd, level, option) {
      scratch.bytes.writeInt32LE(0, 0);
      scratch.bytes.writeUInt32LE(4, 8);
      const answer = getsockopt(fd, level, option, scratch.pointer, scratch.pointer + 8n);
      return answer < 0 ? answer : scratch.bytes.readInt32LE(0);
    },
    attachFilter(fd, program) {
      if (!fits(program, maxOptionBytes)) return tooLong;
      koffi.encode(scratch.pointer, filterType, {
        count: program.length / 8,
        instructions: place(program, 64),
      });
      const size = koffi.sizeof(filterType);
      return setsockopt(fd, socketOptions.level, socketOptions.attachFilter, scratch.pointer, size);
    },
    send(fd, datagram, address) {
      if (!fits(datagram, maxDatagramBytes)) return tooLong;
      const target = address === undefined ? null : place(address, maxDatagramBytes);
      return sendto(
        fd,
        place(datagram, 0),
        datagram.length,
        dontWait,
        target,
        address?.length ?? 0,
      );
    },
    async sendOnThread(fd, datagram) {
      const memory = allocate(datagram.length);
      datagram.copy(memory.bytes);
      try {
        const sent = await new Promise<number>((resolve, reject) => {
          sendLater.async(
            fd,
            memory.pointer,
            datagram.length,
            dontWait,
            (error: Error | null, answer: number | bigint) => {
              if (error === null) resolve(Number(answer));
              else reject(error);
            },
          );
        });
        // The errno stays with the thread. What is refused at once is refused at once again, and then tells why.
        return sent < 0 ? this.send(fd, datagram) : sent;
      } finally {
        koffi.free(memory.pointer);
      }
    },
    eventfd: () => eventfd(0, socketTypes.nonBlocking | socketTypes.closeOnExec),
    signal(fd) {
      scratch.bytes.writeBigUInt64LE(1n, 0);
      return write(fd, scratch.pointer, 8);
    },
    clear: (fd) => read(fd, scratch.pointer, 8),
    close: (fd) => close(fd),
    inotify: () => inotifyInit(socketTypes.nonBlocking | socketTypes.closeOnExec),
    addFileWatch(fd, path, mask) {
      const text = Buffer.from(`${path}\0`);
      return fits(text, maxOptionBytes) ? inotifyAdd(fd, place(text, 0), mask) : tooLong;
    },
    removeFileWatch: (fd, watch) => inotifyRemove(fd, watch),
    readBytes(fd) {
      const length = read(fd, scratch.pointer, maxDatagramBytes);
      return length < 0 ? length : scratch.bytes.subarray(0, length);
    },
    mountDetached(type) {
      const name = place(Buffer.from(`${type}\0`), 0);
      const context = syscall(mountCalls.fsopen, name, closeOnExecMount, 0, 0, 0);
      if (context < 0) return context;
      const created = syscall(mountCalls.fsconfig, context, createFileSystem, 0, 0, 0);
      const answer =
        created < 0
          ? created
          : syscall(mountCalls.fsmount, context, closeOnExecMount, harmlessMount, 0, 0);
      close(context);
      return answer;
    },
    pollSet(capacity) {
      const memory = allocate(capacity * pollEntryBytes);
      return {
        capacity,
        set(index, fd) {
          memory.bytes.writeInt32LE(fd, index * pollEntryBytes);
          memory.bytes.writeInt16LE(pollEvents.readable, index * pollEntryBytes + 4);
          memory.bytes.writeInt16LE(0, index * pollEntryBytes + 6);
        },
        events: (index) => memory.bytes.readInt16LE(index * pollEntryBytes + 6),
        wait: (count) =>
          new Promise((resolve, reject) => {
            poll.async(memory.pointer, count, -1, (error: Error | null, answer: number) => {
              if (error === null) resolve(answer);
              else reject(error);
            });
          }),
        free: () => koffi.free(memory.pointer),
      };
    },
    receiver(slots, slotBytes) {
      const data = allocate(slots * slotBytes);
      const names = allocate(slots * addressBytes);
      const vectorBytes = koffi.sizeof(vectorType);
      const vectors = allocate(slots * vectorBytes);
      const messageBytes = koffi.sizeof(messageType);
      const messages = allocate(slots * messageBytes);
      const lengthAt = koffi.offsetof(messageType, 'length');
      const flagsAt = koffi.offsetof(headerType, 'flags');
      for (let slot = 0; slot < slots; slot++) {
        const at = BigInt(slot);
        koffi.encode(vectors.pointer, slot * vectorBytes, vectorType, {
          base: data.pointer + at * BigInt(slotBytes),
          length: slotBytes,
        });
        koffi.encode(messages.pointer, slot * messageBytes, messageType, {
          header: {
            name: names.pointer + at * BigInt(addressBytes),
            nameLength: addressBytes,
            vectors: vectors.pointer + at * BigInt(vectorBytes),
            vectorCount: 1,
            control: null,
            controlLength: 0,
            flags: 0,
          },
          length: 0,
        });
      }
      return {
        receive: (fd) => recvmmsg(fd, messages.pointer, slots, dontWait, null),
        datagram(index) {
          const at = index * messageBytes;
          const length = Math.min(messages.bytes.readUInt32LE(at + lengthAt), slotBytes);
          return {
            bytes: data.bytes.subarray(index * slotBytes, index * slotBytes + length),
            senderPortId: names.bytes.readUInt32LE(index * addressBytes + 4),
            truncated: (messages.bytes.readInt32LE(at + flagsAt) & truncatedFlag) !== 0,
          };
        },
        free() {
          for (const memory of [data, names, vectors, messages]) koffi.free(memory.pointer);
        },
      };
    },
  };
}
