import { endianness, release, uptime } from 'node:os';
import { reasonOf } from '../config/errors.js';
import type { LocalSettings } from '../config/local-settings.js';
import type { Clock } from './clock.js';
import { isUnavailable, type Unavailable } from './collector.js';
import type { AuditFeed } from './linux/audit/feed.js';
import { fileNote, noNote } from './linux/audit/change-note.js';
import { type AuditOptions, createAuditFeed } from './linux/audit/open.js';
import type { AuditSource } from './linux/audit/source.js';
import { type AuditPlace, UnreadTime } from './linux/audit/unread-time.js';
import { EndedSocketReader, type EndedSockets } from './linux/ended-sockets.js';
import { ExecutableHashes } from './linux/executable-hash.js';
import { Journal, type JournalSource } from './linux/journal.js';
import { loadJournalLibrary } from './linux/journal-library.js';
import { KernelReader } from './linux/kernel-reader.js';
import { type Libc, loadLibc } from './linux/libc.js';
import { hostPaths, type Paths } from './linux/paths.js';
import { readBootId } from './linux/proc.js';
import { ProcConnector, type ProcessEvents } from './linux/proc-connector.js';
import type { ByteOrder } from './linux/proc-net.js';
import { ProcessTable } from './linux/process-table.js';
import type { Processes } from './linux/processes.js';
import { type SocketStates, SocketStateTrace } from './linux/sock-state-trace.js';
import { openTraceInstance } from './linux/tracefs.js';
import { UserNames } from './linux/users.js';

/** The settings that collectors read, as they stand in the local file. */
export type HostSettings = Pick<
  LocalSettings,
  | 'processSource'
  | 'processPollingInterval'
  | 'connectionSource'
  | 'loginSource'
  | 'reportLoopbackConnections'
  | 'executableHashBytesPerSecond'
  | 'audit'
>;

/** What the host offers to the collectors: the readers of the kernel that several of them share. */
export interface Host {
  readonly ownPid: number;
  readonly paths: Paths;
  readonly clock: Clock;
  readonly byteOrder: ByteOrder;
  readonly settings: HostSettings;
  readonly audit: AuditSource;
  readonly processEvents: ProcessEvents;
  readonly processes: Processes;
  readonly socketStates: SocketStates;
  readonly endedSockets: EndedSockets;
  readonly journal: JournalSource;
  readonly users: Pick<UserNames, 'nameOf' | 'uidOf'>;
  readonly executableHashes: Pick<ExecutableHashes, 'enabled' | 'hashOf'>;
}

/** A host with its life cycle: start it before the first collector, stop it after the last. */
export interface ManagedHost extends Host {
  /** Loads what the kernel readers need. Never fails: what cannot be had is `Unavailable` to whoever asks for it. */
  start(): Promise<void>;
  /** Resolves when the readers of the kernel have come round; at once when there are none. */
  comesRound(): Promise<void>;
  /** Where kernel audit was read up to, for the next run; undefined when it never was. */
  auditPlace(): AuditPlace | undefined;
  /** For when the collectors are started: takes back what a run that was killed left changed and none of them needs. */
  tidy(): Promise<void>;
  /** Ends every reader; whatever a subscription changed on the host is undone by ending it before. */
  stop(): Promise<void>;
}

interface HostOptions extends Pick<AuditOptions, 'onTampering' | 'onProblem'> {
  /** The calls of the C library when they are loaded already. */
  readonly libc?: Libc | Unavailable;
  readonly clock: Clock;
  readonly settings: HostSettings;
  readonly paths?: Paths;
  /** Where the run before had read kernel audit up to. */
  readonly lastAuditPlace?: AuditPlace;
  /** Where changes of the kernel's audit are noted, so that the run after a crash takes them back. */
  readonly noteFile?: string;
  /** Descriptors that systemd handed over (`handedOverSockets`); `audit` and `connector` are used. */
  readonly handedOver?: ReadonlyMap<string, number>;
}

interface Kernel {
  readonly reader: KernelReader;
  readonly audit: AuditFeed;
  readonly processEvents: ProcessEvents;
  readonly socketStates: SocketStates;
  readonly endedSockets: EndedSockets;
  readonly journal: JournalSource;
}

/** The host that the collectors see; opens nothing before `start`. */
export function createHost(options: HostOptions): ManagedHost {
  const { clock, settings, paths = hostPaths } = options;
  let kernel: Kernel | Unavailable = { unavailable: 'The readers of the kernel are not started.' };
  const executableHashes = new ExecutableHashes({
    paths,
    clock,
    bytesPerSecond: settings.executableHashBytesPerSecond,
  });
  const processEvents: ProcessEvents = {
    subscribe: async (subscriber) =>
      isUnavailable(kernel) ? kernel : kernel.processEvents.subscribe(subscriber),
    catchUp: () => {
      if (!isUnavailable(kernel)) kernel.processEvents.catchUp?.();
    },
    nowMs: () =>
      (isUnavailable(kernel) ? undefined : kernel.processEvents.nowMs?.()) ?? clock.wallMs(),
  };
  const uptimeMs = (): number => uptime() * 1000;
  const unread = new UnreadTime(options.lastAuditPlace, readBootId(paths), uptimeMs);
  return {
    ownPid: process.pid,
    paths,
    clock,
    byteOrder: endianness(),
    settings,
    users: new UserNames(paths),
    executableHashes,
    audit: {
      subscribe: async (subscriber) =>
        isUnavailable(kernel) ? kernel : kernel.audit.subscribe(subscriber),
    },
    processEvents,
    processes: new ProcessTable({
      paths,
      clock,
      events: processEvents,
      uptimeMs,
    }),
    socketStates: {
      subscribe: async (subscriber) =>
        isUnavailable(kernel) ? kernel : kernel.socketStates.subscribe(subscriber),
    },
    endedSockets: {
      subscribe: async (subscriber) =>
        isUnavailable(kernel) ? kernel : kernel.endedSockets.subscribe(subscriber),
    },
    journal: {
      subscribe: async (subscriber) =>
        isUnavailable(kernel) ? kernel : kernel.journal.subscribe(subscriber),
    },
    async start() {
      kernel = await openKernel(options, unread);
    },
    comesRound: () => (isUnavailable(kernel) ? Promise.resolve() : kernel.reader.comesRound()),
    auditPlace: () => unread.place,
    async tidy() {
      if (!isUnavailable(kernel)) await kernel.audit.tidy();
    },
    async stop() {
      executableHashes.stop();
      if (!isUnavailable(kernel)) await kernel.reader.stop();
    },
  };
}

/** Node's hrtime is CLOCK_MONOTONIC. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

async function openKernel(options: HostOptions, unread: UnreadTime): Promise<Kernel | Unavailable> {
  const { clock, settings, paths = hostPaths, handedOver = new Map<string, number>() } = options;
  const libc = options.libc ?? (await loadLibc());
  if (isUnavailable(libc)) return libc;
  const reader = new KernelReader(libc, clock);
  try {
    reader.start();
  } catch (error) {
    return { unavailable: reasonOf(error) };
  }
  const audit = handedOver.get('audit');
  const connector = handedOver.get('connector');
  return {
    reader,
    audit: createAuditFeed({
      libc,
      reader,
      clock,
      own: settings.audit.own,
      ownPid: process.pid,
      receiveBufferBytes: settings.audit.receiveBufferBytes,
      onTampering: options.onTampering,
      onProblem: options.onProblem,
      unread,
      note:
        options.noteFile === undefined
          ? noNote
          : fileNote(options.noteFile, readBootId(paths), options.onProblem),
      ...(audit !== undefined && { handedOver: audit }),
    }),
    processEvents: new ProcConnector({
      libc,
      reader,
      clock,
      bootWallMs: () => clock.wallMs() - monotonicMs(),
      monotonicMs,
      kernelRelease: release(),
      ...(connector !== undefined && { handedOver: connector }),
    }),
    journal: new Journal({
      reader,
      load: loadJournalLibrary,
      directory: paths.journalDirectory,
    }),
    endedSockets: new EndedSocketReader({ libc, reader, clock }),
    socketStates: new SocketStateTrace({
      reader,
      clock,
      byteOrder: endianness(),
      openInstance: (event, filter) =>
        openTraceInstance({ libc, ownPid: process.pid, event, filter }),
    }),
  };
}
