import type { EventName } from '../contract/events.js';
import type { TwinKey } from './twin-settings.js';

/** How soon the micro agent sends what a collector of its found. */
export const frequencies = ['High', 'Medium', 'Low'] as const;
export type Frequency = (typeof frequencies)[number];

interface Declared {
  /** What it becomes, or why it has no effect; one sentence for the reference and for who sets it. */
  readonly says: string;
}

/** A flat setting of the micro agent, as its documentation has it, and what becomes of it here. */
export type MicroAgentSetting = Declared &
  (
    | { readonly kind: 'intervals'; readonly standard: string }
    /** `true`: the events are off; there may be none. */
    | { readonly kind: 'disabled'; readonly standard: false; readonly events: readonly EventName[] }
    /** The queue of the events; there may be none. */
    | {
        readonly kind: 'frequency';
        readonly standard: Frequency;
        readonly events: readonly EventName[];
        /** They are taken at the interval of the snapshots, whatever the frequency. */
        readonly isSnapshot: boolean;
      }
    /** A setting of ours, which takes the same value. */
    | { readonly kind: 'same'; readonly standard: '' | boolean; readonly sets: TwinKey }
    /** Nothing here does what it asks for; only its type is checked. */
    | { readonly kind: 'idle'; readonly standard: boolean | number | string }
  );

type Table = Readonly<Record<string, MicroAgentSetting>>;

/** The two settings that each collector of the micro agent has. */
function collector(
  name: string,
  standard: Frequency,
  events: readonly EventName[],
  {
    isSnapshot = false,
    taken = 'at `snapshotFrequency`',
    why = '',
  }: { readonly isSnapshot?: boolean; readonly taken?: string; readonly why?: string } = {},
): Table {
  const keys = events.map((event) => `\`eventPriority${event}\``).join(' and ');
  const inAnyCase = isSnapshot ? `; taken ${taken} in any case` : '';
  return {
    [`${name}_Disabled`]: {
      kind: 'disabled',
      standard: false,
      events,
      says: events.length === 0 ? why : `True sets ${keys} to \`Off\`.`,
    },
    [`${name}_MessageFrequency`]: {
      kind: 'frequency',
      standard,
      events,
      isSnapshot,
      says:
        events.length === 0
          ? why
          : `High sets ${keys} to \`High\`, Medium and Low to \`Low\`${inAnyCase}.`,
    },
  };
}

const same = (sets: TwinKey, standard: '' | boolean = ''): MicroAgentSetting => ({
  kind: 'same',
  standard,
  sets,
  says: `Is \`${sets}\`.`,
});

const idle = (standard: boolean | number | string, says: string): MicroAgentSetting => ({
  kind: 'idle',
  standard,
  says,
});

const cacheSize = idle(
  256,
  'What is counted at a time is bounded by `aggregationMaxEntries` of the local file.',
);

/**
 * Every setting of the twin of the Defender micro agent 4.6.2, with its default, in the order of its documentation, and
 * what becomes of it. Three frequencies are put on two queues and one interval of snapshots: High events are sent after
 * the High interval, all others after the Medium one, and snapshots are taken at the Low one; so that nothing is sent
 * later than the micro agent would, apart from snapshots that somebody wants more often than that.
 */
export const microAgentSettings: Table = {
  CollectorsCore_PriorityIntervals: {
    kind: 'intervals',
    standard: '30,120,1440',
    says: 'Minutes of High, Medium and Low: `highPriorityMessageFrequency`, `lowPriorityMessageFrequency` and `snapshotFrequency`.',
  },
  ...collector('Baseline', 'Low', ['OSBaseline'], { isSnapshot: true }),
  Baseline_GroupsDisabled: same('baselineGroupsDisabled'),
  Baseline_ChecksDisabled: same('baselineChecksDisabled'),
  ...collector('SystemInformation', 'Low', ['SystemInformation'], { isSnapshot: true }),
  SystemInformation_HardwareVendor: same('hardwareVendor'),
  SystemInformation_HardwareModel: same('hardwareModel'),
  SystemInformation_HardwareSerialNumber: same('hardwareSerialNumber'),
  SystemInformation_FirmwareVendor: same('firmwareVendor'),
  SystemInformation_FirmwareVersion: same('firmwareVersion'),
  ...collector('SBoM', 'Low', ['SoftwareInventory'], {
    isSnapshot: true,
    taken: 'once a day and after a change',
  }),
  ...collector('Heartbeat', 'Low', [], {
    why: 'There is no such event; MessageStatistics come at each interval of the snapshots.',
  }),
  ...collector('Login', 'Medium', ['Login']),
  Login_UsePAM: idle(false, 'Logins come from the best source there is, see `loginSource`.'),
  IothubModule_MessageTimeout: idle(
    2880,
    'Events wait as long as there is room, see `maxLocalCacheSizeInBytes`.',
  ),
  ...collector('NetworkActivity', 'Medium', ['ConnectionCreate']),
  NetworkActivity_Devices: idle('eth0', 'Connections of all interfaces are told.'),
  NetworkActivity_CacheSize: cacheSize,
  NetworkActivity_PacketBufferSize: idle(2_097_152, 'No packets are captured.'),
  ...collector('Process', 'Medium', ['ProcessCreate', 'ProcessTerminate']),
  Process_Mode: idle(1, 'The source is `processSource` of the local file.'),
  Process_PollingInterval: idle(
    100_000,
    'The interval is `processPollingInterval` of the local file.',
  ),
  Process_CacheSize: cacheSize,
  ...collector('LogCollector', 'Low', ['Diagnostic']),
  ...collector('FileSystem', 'Low', ['FileChange']),
  FileSystem_Paths: same('fileChangePaths'),
  FileSystem_Recursive: same('fileChangePathsRecursive', true),
  FileSystem_CacheSize: idle(256, 'What waits to be told is bounded.'),
  ...collector('Peripheral', 'Low', ['ConnectedHardware']),
  Peripheral_CacheSize: cacheSize,
  ...collector('Statistics', 'Low', ['DroppedEventsStatistics', 'MessageStatistics']),
  Statistics_CacheSize: cacheSize,
};

/** What the keys of the micro agent begin with. */
export const microAgentPrefixes: ReadonlySet<string> = new Set(
  Object.keys(microAgentSettings).map((key) => key.slice(0, key.indexOf('_') + 1)),
);

/** Whether nothing here follows it. */
export function isIdle(setting: MicroAgentSetting): boolean {
  return setting.kind === 'idle' || ('events' in setting && setting.events.length === 0);
}
