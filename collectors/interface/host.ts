import type { Clock } from '../../base/clock.js';
import type { CurrentSettings } from '../../config/settings.js';
import type { LocalSettings } from '../../config/local-settings.js';
import type { Inventory } from '../inventory/client.js';
import type { AuditSource } from '../kernel/audit/source.js';
import type { DeviceEvents } from '../kernel/devices/device-events.js';
import type { ByteOrder } from '../kernel/byte-order.js';
import type { ExecutableHashes } from '../kernel/files/executable-hash.js';
import type { FileEvents } from '../kernel/files/inotify.js';
import type { JournalSource } from '../kernel/files/journal.js';
import type { UserNames } from '../kernel/files/users.js';
import type { FileScans } from './file-scan.js';
import type { CollectorMemory } from './memory.js';
import type { StateNews } from './state-news.js';
import type { Paths } from '../kernel/paths.js';
import type { ProcessEvents } from '../kernel/processes/proc-connector.js';
import type { Processes } from '../kernel/processes/processes.js';
import type { EndedSockets } from '../kernel/sockets/ended-sockets.js';
import type { RuleChanges } from '../kernel/packet-filter/rule-changes.js';
import type { SocketStates } from '../kernel/sockets/sock-state-trace.js';
import type { TcpListeners } from '../kernel/sockets/tcp-listeners.js';

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
  | 'inventoryDirectory'
  | 'stateDirectory'
  | 'runtimeDirectory'
>;

export type TwinOfCollectors = CurrentSettings<
  | 'baselineCustomChecksEnabled'
  | 'baselineCustomChecksFilePath'
  | 'baselineCustomChecksFileHash'
  | 'baselineChecksDisabled'
  | 'baselineGroupsDisabled'
  | 'hardwareVendor'
  | 'hardwareModel'
  | 'hardwareSerialNumber'
  | 'firmwareVendor'
  | 'firmwareVersion'
  | 'fileChangePaths'
  | 'fileChangePathsRecursive'
>;

/** What the host offers to the collectors: the readers of the kernel that several of them share. */
export interface Host {
  readonly ownPid: number;
  readonly paths: Paths;
  readonly clock: Clock;
  readonly byteOrder: ByteOrder;
  readonly settings: HostSettings;
  /** Those settings of the twin that collectors read, as they are in force. */
  readonly twin: TwinOfCollectors;
  readonly audit: AuditSource;
  readonly processEvents: ProcessEvents;
  readonly processes: Processes;
  readonly socketStates: SocketStates;
  readonly endedSockets: EndedSockets;
  readonly tcpListeners: TcpListeners;
  readonly ruleChanges: RuleChanges;
  readonly deviceEvents: DeviceEvents;
  /** Changes of files and directories, by path, without who made them. */
  readonly fileEvents: FileEvents;
  readonly journal: JournalSource;
  readonly users: Pick<UserNames, 'nameOf' | 'uidOf'>;
  /** What needs a program: the agent's process starts none. */
  readonly inventory: Inventory;
  /** Is told of each program as soon as it is seen: it may be one that runs for the agent, and be gone a moment later. */
  readonly inventoryProcesses: { notice(pid: number, parentPid: number | undefined): void };
  readonly executableHashes: Pick<ExecutableHashes, 'enabled' | 'hashOf'>;
  /** What the last look at all files of the device found. */
  readonly fileScans: FileScans;
  /** What collectors knew at their last look, also in an earlier run. */
  readonly memory: CollectorMemory;
  /** Which subjects were found different, for the snapshots that have the whole of them. */
  readonly stateNews: StateNews;
}
