import type { EventName } from '../contract/events.js';
import { detectionSettings } from './detection-settings.js';
import { countingOfEvents, priorityOfEvents } from './event-settings.js';
import {
  flag,
  interval,
  live,
  type Setting,
  type DurationSetting,
  type StringSetting,
  type ValueOf,
} from './setting.js';

/** The desired (and reported) property that holds all settings of the twin, unless the local file names another. */
export const configurationObjectName = 'ms_iotn:urn_azureiot_Security_SecurityAgentConfiguration';

const spread = (meaning: string) =>
  ({
    kind: 'duration',
    default: 'PT0S',
    minimum: 'PT0S',
    maximum: 'P1D',
    meaning,
    ...live,
  }) as const satisfies DurationSetting;

const printableText = '^[^\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]*$';

const listFormat = {
  pattern: printableText,
  says: 'a list of names parted by commas, without control characters',
  maxLength: 4000,
} as const;

const ofDevice = (what: string) =>
  ({
    event: 'SystemInformation',
    kind: 'string',
    default: null,
    format: { pattern: printableText, says: 'a text without control characters', maxLength: 256 },
    meaning: `${what}, where the device does not tell the right one.`,
    ...live,
  }) as const satisfies StringSetting;

const filePath = {
  pattern: '^/[^\\u0000-\\u001f\\u007f\\ud800-\\udfff]*$',
  says: 'an absolute path',
  maxLength: 1024,
} as const;

const pathPart = '(?!\\.{1,2}(?:[/,]|$))[^/,\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]+';
const watchedPath = `/(?!(?:proc|sys|dev)(?:[/,]|$))${pathPart}(?:/${pathPart}){0,31}/?`;

const watchedPaths = {
  pattern: `^(?:${watchedPath}(?:, ?${watchedPath}){0,31})?$`,
  says: 'up to 32 absolute paths parted by commas, none / or in /proc, /sys, /dev',
  maxLength: 4000,
} as const;

/**
 * Every setting of the module twin, in the order in which it is reported. Names, defaults and limits are those of the
 * public twin schema; intervals have bounds of our own, because nothing good comes of one below a second or above a year.
 */
export const twinSettings = {
  highPriorityMessageFrequency: interval('PT7M', 'Longest wait before High events are sent.'),
  lowPriorityMessageFrequency: interval('PT5H', 'Longest wait before Low events are sent.'),
  snapshotFrequency: interval('PT13H', 'Time between two snapshots of the same collector.'),
  maxLocalCacheSizeInBytes: {
    kind: 'integer',
    default: 2_560_000,
    unit: 'bytes',
    minimum: 8192,
    // The largest integer that a twin can hold.
    maximum: 4_503_599_627_370_495,
    meaning: 'Room for events on the device that the hub has not acknowledged.',
    ...live,
  },
  maxMessageSizeInBytes: {
    kind: 'integer',
    default: 204_800,
    unit: 'bytes',
    minimum: 8192,
    maximum: 262_144,
    meaning:
      'Largest message; a multiple of 4096 wastes no metered unit. A snapshot that is larger goes whole in a message of its own, as far as the hub takes it.',
    ...live,
  },
  ...priorityOfEvents,
  eventPriorityOperational: {
    kind: 'priority',
    default: null,
    meaning: 'Queue of the three kinds of operational events whose own priority is not set.',
    ...live,
  },
  ...countingOfEvents,
  baselineCustomChecksEnabled: {
    ...flag(false, 'Whether baseline checks of your own are run.'),
    event: 'OSBaseline',
  },
  baselineCustomChecksFilePath: {
    event: 'OSBaseline',
    kind: 'string',
    default: null,
    format: filePath,
    meaning: 'File on the device that holds these checks, see docs/custom-checks.md.',
    ...live,
  },
  baselineCustomChecksFileHash: {
    event: 'OSBaseline',
    kind: 'string',
    default: null,
    format: {
      pattern: '^[0-9A-Fa-f]{64}$',
      says: 'a SHA-256 in 64 hexadecimal digits',
      maxLength: 64,
    },
    meaning: 'SHA-256 of that file; another content is not used.',
    ...live,
  },
  baselineChecksDisabled: {
    event: 'OSBaseline',
    kind: 'string',
    default: null,
    format: listFormat,
    meaning:
      'Checks that are not made, parted by commas: our id, CIS section, CCE id or rule id, such as `3.3.5, debugfs`.',
    ...live,
  },
  baselineGroupsDisabled: {
    event: 'OSBaseline',
    kind: 'string',
    default: null,
    format: listFormat,
    meaning:
      'Groups of checks that are not made, parted by commas: our group, or a CIS section or its title, such as `Time Synchronization, 5.2`.',
    ...live,
  },
  hardwareVendor: ofDevice('Maker of the device'),
  hardwareModel: ofDevice('Model of the device'),
  hardwareSerialNumber: ofDevice('Serial number of the device'),
  firmwareVendor: ofDevice('Maker of the firmware'),
  firmwareVersion: ofDevice('Version of the firmware'),
  fileChangePaths: {
    event: 'FileChange',
    kind: 'string',
    default: null,
    format: watchedPaths,
    meaning:
      'Files and directories that are watched beside the standard ones, parted by commas, such as `/opt/app/config,/srv/rules.d`.',
    ...live,
  },
  fileChangePathsRecursive: {
    ...flag(true, 'Whether everything below these directories is watched, or their entries alone.'),
    event: 'FileChange',
  },
  ...detectionSettings,
  hubResourceId: {
    kind: 'string',
    default: '',
    format: {
      pattern: '^[\\u0020-\\u007e]*$',
      says: 'printable ASCII, because the properties of a message hold nothing else',
      maxLength: 512,
    },
    meaning: 'Resource id of the hub, copied to a property of each message when not empty.',
    ...live,
  },
  reconnectSpread: spread(
    'Time over which the whole fleet connects, each device at a moment of its own; PT0S: at once, and with a growing random pause after a failure.',
  ),
  twinSpread: spread(
    'Time over which the whole fleet reads its twins after connecting; reported properties are spread over twice this. A multiple of reconnectSpread suits best.',
  ),
} as const satisfies Record<string, Setting>;

export type TwinKey = keyof typeof twinSettings;

/** The event that a setting is about; undefined for one that is about none, and for what is no setting. */
export function eventOfSetting(key: string): EventName | undefined {
  const table: Readonly<Record<string, Setting>> = twinSettings;
  return Object.hasOwn(table, key) ? table[key]?.event : undefined;
}

/** The settings in force, one property per key of the table. */
export type TwinSettings = { readonly [K in TwinKey]: ValueOf<(typeof twinSettings)[K]> };
