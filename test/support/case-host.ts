import type { Host, HostSettings } from '../../collectors/interface/host.js';
import { noMemory } from '../../collectors/interface/memory.js';
import { createStateNews } from '../../collectors/interface/state-news.js';
import { pathsUnder, type Paths } from '../../collectors/kernel/paths.js';
import { capturedTree } from './captured-tree.js';
import { FakeClock } from './fake-clock.js';

/** A copy of one of the trees under `test/collectors/cases/`, each named for where it came from. */
export function casePaths(name: string): Paths {
  return pathsUnder(capturedTree(`../collectors/cases/${name}`));
}

export const caseSettings: HostSettings = {
  processSource: 'auto',
  processPollingInterval: { text: 'PT1S', ms: 1000 },
  connectionSource: 'auto',
  loginSource: 'auto',
  reportLoopbackConnections: true,
  executableHashBytesPerSecond: 0,
  audit: { own: 'auto', receiveBufferBytes: 65_536 },
  inventoryDirectory: '/nonexistent',
  stateDirectory: '/nonexistent/state',
  runtimeDirectory: '/nonexistent/run',
};

/** A host on which nothing is available but what the test gives it. */
export function fakeHost(parts: Partial<Host> = {}): Host {
  const refuse = () => Promise.resolve({ unavailable: 'Not in this test.' });
  return {
    ownPid: 999_999,
    inventoryProcesses: { notice: () => undefined },
    paths: pathsUnder('/nonexistent'),
    clock: new FakeClock(),
    byteOrder: 'LE',
    settings: caseSettings,
    twin: {
      current: {
        baselineCustomChecksEnabled: false,
        baselineCustomChecksFilePath: null,
        baselineCustomChecksFileHash: null,
        baselineChecksDisabled: null,
        baselineGroupsDisabled: null,
        hardwareVendor: null,
        hardwareModel: null,
        hardwareSerialNumber: null,
        firmwareVendor: null,
        firmwareVersion: null,
        fileChangePaths: null,
        fileChangePathsRecursive: true,
      },
    },
    audit: { subscribe: refuse },
    processEvents: { subscribe: refuse },
    processes: {
      of: () => undefined,
      containerOf: () => null,
      follow: refuse,
      feed: () => ({ executed: () => undefined, end: () => undefined }),
    },
    socketStates: { subscribe: refuse, follow: () => () => undefined },
    endedSockets: { subscribe: refuse },
    tcpListeners: { look: () => ({ unavailable: 'Not in this test.' }) },
    ruleChanges: { subscribe: refuse },
    deviceEvents: { subscribe: refuse },
    fileEvents: { subscribe: refuse },
    journal: { subscribe: refuse },
    users: { nameOf: () => undefined, uidOf: () => undefined },
    inventory: { ask: refuse },
    executableHashes: { enabled: false, hashOf: (_file, told) => told('') },
    fileScans: { latest: () => undefined },
    memory: noMemory,
    stateNews: createStateNews(),
    ...parts,
  };
}
