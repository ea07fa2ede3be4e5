import { endianness, release, uptime } from 'node:os';
import type { Clock } from '../base/clock.js';
import { reasonOf } from '../base/errors.js';
import { isUnavailable, type Unavailable } from '../base/unavailable.js';
import { evaluateTwin } from '../config/evaluate-twin.js';
import type { FileScans } from './interface/file-scan.js';
import { noMemory, type CollectorMemory } from './interface/memory.js';
import { createStateNews } from './interface/state-news.js';
import type { HostSettings, Host, TwinOfCollectors } from './interface/host.js';
import { InventoryClient } from './inventory/client.js';
import { InventoryProcesses } from './inventory/processes.js';
import { fileNote, noNote } from './kernel/audit/change-note.js';
import type { AuditFeed } from './kernel/audit/feed.js';
import { type AuditOptions, createAuditFeed } from './kernel/audit/open.js';
import { type AuditPlace, UnreadTime } from './kernel/audit/unread-time.js';
import { ExecutableHashes } from './kernel/files/executable-hash.js';
import { type FileEvents, KernelFileEvents } from './kernel/files/inotify.js';
import { Journal, type JournalSource } from './kernel/files/journal.js';
import { loadJournalLibrary } from './kernel/files/journal-library.js';
import { UserNames } from './kernel/files/users.js';
import { type DeviceEvents, KernelDeviceEvents } from './kernel/devices/device-events.js';
import { type Libc, loadLibc } from './kernel/libc.js';
import { hostPaths, type Paths } from './kernel/paths.js';
import { readBootId, readCgroups } from './kernel/processes/proc.js';
import { ProcConnector, type ProcessEvents } from './kernel/processes/proc-connector.js';
import { ProcessTable } from './kernel/processes/process-table.js';
import { KernelReader } from './kernel/reader.js';
import { EndedSocketReader, type EndedSockets } from './kernel/sockets/ended-sockets.js';
import { RuleChangeReader, type RuleChanges } from './kernel/packet-filter/rule-changes.js';
import { type SocketStates, SocketStateTrace } from './kernel/sockets/sock-state-trace.js';
import { SocketDiagnosis, type TcpListeners } from './kernel/sockets/tcp-listeners.js';
import { openTraceInstance } from './kernel/trace/tracefs.js';

/** A host with its life cycle: start it before the first collector, stop it after the last. */
export interface ManagedHost extends Host {
  /** Loads what the kernel readers need. Never fails: what cannot be had is `Unavailable` to whoever asks for it. */
  start(): Promise<void>;
  /** The processes that run what the agent asked the inventory for, as far as /proc still shows them. */
  readonly inventoryProcesses: InventoryProcesses;
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
  /** The settings of the twin; absent: its defaults. */
  readonly twin?: TwinOfCollectors;
  /** Scans of all files; absent: none was made. */
  readonly fileScans?: FileScans;
  /** What collectors remember; absent: nothing. */
  readonly memory?: CollectorMemory;
  /** Descriptors that systemd handed over (`handedOverSockets`); `audit`, `connector` and `uevents` are used. */
  readonly handedOver?: ReadonlyMap<string, number>;
}

interface Kernel {
  readonly reader: KernelReader;
  readonly audit: AuditFeed;
  readonly processEvents: ProcessEvents;
  readonly socketStates: SocketStates;
  readonly endedSockets: EndedSockets;
  readonly tcpListeners: TcpListeners;
  readonly ruleChanges: RuleChanges;
  readonly deviceEvents: DeviceEvents;
  readonly fileEvents: FileEvents;
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
  const inventory = new InventoryClient(settings.inventoryDirectory, clock);
  return {
    ownPid: process.pid,
    paths,
    clock,
    byteOrder: endianness(),
    settings,
    twin: options.twin ?? { current: evaluateTwin({}, undefined).settings },
    users: new UserNames(paths),
    executableHashes,
    inventory,
    inventoryProcesses: new InventoryProcesses({
      mayRun: () => inventory.mayRun,
      cgroupsOf: (pid) => readCgroups(paths, pid),
    }),
    fileScans: options.fileScans ?? { latest: () => undefined },
    memory: options.memory ?? noMemory,
    stateNews: createStateNews(),
    audit: {
      subscribe: async (subscriber) => {
        if (leavesAudit(settings)) return { unavailable: auditIsLeft };
        return isUnavailable(kernel) ? kernel : kernel.audit.subscribe(subscriber);
      },
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
      follow: (onTransitions) =>
        isUnavailable(kernel) ? () => undefined : kernel.socketStates.follow(onTransitions),
    },
    endedSockets: {
      subscribe: async (subscriber) =>
        isUnavailable(kernel) ? kernel : kernel.endedSockets.subscribe(subscriber),
    },
    tcpListeners: { look: () => (isUnavailable(kernel) ? kernel : kernel.tcpListeners.look()) },
    ruleChanges: {
      subscribe: async (subscriber) =>
        isUnavailable(kernel) ? kernel : kernel.ruleChanges.subscribe(subscriber),
    },
    deviceEvents: {
      subscribe: async (subscriber) =>
        isUnavailable(kernel) ? kernel : kernel.deviceEvents.subscribe(subscriber),
    },
    fileEvents: {
      subscribe: async (subscriber) =>
        isUnavailable(kernel) ? kernel : kernel.fileEvents.subscribe(subscriber),
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

/** Whoever takes programs, connections and logins from elsewhere wants no rules of audit for the rest either. */
function leavesAudit({ connectionSource, loginSource, processSource }: HostSettings): boolean {
  const sources: readonly string[] = [connectionSource, loginSource, processSource];
  return !sources.some((source) => source === 'auto' || source === 'audit');
}

const auditIsLeft =
  'Kernel audit is left alone, because processSource, connectionSource and loginSource of the local file name other sources.';

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
  const uevents = handedOver.get('uevents');
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
    tcpListeners: new SocketDiagnosis({ libc, reader }),
    ruleChanges: new RuleChangeReader({ libc, reader }),
    deviceEvents: new KernelDeviceEvents({
      libc,
      reader,
      ...(uevents !== undefined && { handedOver: uevents }),
    }),
    fileEvents: new KernelFileEvents({ libc, reader }),
    socketStates: new SocketStateTrace({
      reader,
      clock,
      byteOrder: endianness(),
      openInstance: (event, filter) =>
        openTraceInstance({ libc, ownPid: process.pid, event, filter }),
    }),
  };
}
