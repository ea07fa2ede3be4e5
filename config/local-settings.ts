import { eventNames } from '../contract/events.js';
import type { Format, IntegerSetting, Setting, ValueOf } from './setting.js';
import { configurationObjectName } from './twin-settings.js';

const restart = { applies: 'restart' } as const;

/** PATH_MAX of Linux, without its terminator. */
const longestPathBytes = 4095;

/** Half a character has no UTF-8, so that another file would be meant. */
const absolutePath = {
  pattern: '^/[^\\u0000-\\u001f\\u007f\\ud800-\\udfff]*$',
  says: 'an absolute path',
  maxLength: longestPathBytes,
  maxBytes: longestPathBytes,
} as const satisfies Format;

/** The path of a socket has at most 107 bytes (unix(7)), of which its name and the longest suffix that it has take 26. */
const socketDirectory = { ...absolutePath, maxLength: 81, maxBytes: 81 } as const satisfies Format;

/**
 * What a hub takes as an id and MQTT carries: the id stands in the topic of every message as it is, where no hub decodes
 * it. `+` and `#` are wildcards there (MQTT 3.1.1 §4.7.1), over which a hub closes the connection; `/` ends a level.
 */
const hubIdentifier = {
  pattern: "^[A-Za-z0-9.%_*?!(),:=@$'-]+$",
  says: "an id of IoT Hub: up to 128 letters, digits and - . % _ * ? ! ( ) , : = @ $ '",
  maxLength: 128,
  exclusions: [
    {
      pattern: '[+#]',
      says: 'an id without + and #, because the transport (MQTT) cannot carry + and # in topics, so that no message would ever arrive; register the device or module under an id without them',
    },
  ],
} as const satisfies Format;

/** unix(7). */
const socketPath = { ...absolutePath, maxLength: 107, maxBytes: 107 } as const satisfies Format;

/** RFC 1123 §2.1: labels of up to 63 letters, digits and inner hyphens. */
const hostLabel = '[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const hostNamePattern = `${hostLabel}(\\.${hostLabel})*`;

/** 1 to 65535. */
const portPattern =
  '([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])';

/** A host name with a port where it is not `port`. */
const endpoint = (port: string, example: string): Format => ({
  pattern: `^${hostNamePattern}(:${portPattern})?$`,
  says: `a host name, with a port where it is not ${port}, such as ${example}`,
  maxLength: 259,
});

const path = (meaning: string) =>
  ({ kind: 'string', format: absolutePath, meaning, ...restart }) as const;

const directory = (standard: string, meaning: string, format: Format = absolutePath) =>
  ({ kind: 'string', default: standard, format, meaning, ...restart }) as const;

const choice = <const V extends readonly string[]>(
  values: V,
  standard: V[number],
  meaning: string,
) => ({ kind: 'choice', values, default: standard, meaning, ...restart }) as const;

const interval = (standard: string, minimum: string, maximum: string, meaning: string) =>
  ({ kind: 'duration', default: standard, minimum, maximum, meaning, ...restart }) as const;

const integer = (
  standard: number,
  unit: string,
  [minimum, maximum]: readonly [number, number],
  meaning: string,
): IntegerSetting => ({
  kind: 'integer',
  default: standard,
  unit,
  minimum,
  maximum,
  meaning,
  ...restart,
});

/** One field of crontab(5): `*`, a number or a range, each perhaps with a step, and lists of these. */
const cronField = (number: string): string => {
  const item = `(\\*|${number}(-${number})?)(/[1-9][0-9]?)?`;
  return `${item}(,${item})*`;
};

/** Minute, hour, day of the month, month and day of the week (crontab(5)). */
const cronExpression = {
  pattern: `^${['[0-5]?[0-9]', '([01]?[0-9]|2[0-3])', '([1-9]|[12][0-9]|3[01])', '([1-9]|1[0-2])', '[0-7]'].map(cronField).join(' ')}$`,
  says: 'five fields as in crontab(5), numbers alone, such as 30 2 * * 6',
  maxLength: 128,
} as const satisfies Format;

/** Every setting of the local file; a dot in a key stands for a nested object. */
export const localSettings = {
  agentId: {
    kind: 'string',
    format: {
      pattern: '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$',
      says: 'a GUID such as 5f8d9e0c-3c1b-4a6e-9f27-0d2b6c1a7e43',
      maxLength: 36,
    },
    meaning:
      'Identifies the agent in its messages; made once and kept in the state directory when absent.',
    ...restart,
  },
  'identity.mode': choice(
    ['module', 'device', 'dps', 'edge'],
    'module',
    "Whose secret is on the device: the module's own (`module`), the device's, with which the key of the module is read from the hub (`device`), that of its enrolment in the provisioning service, which names hub and device (`dps`), or none, because the services of IoT Edge sign for the module (`edge`).",
  ),
  'identity.hostName': {
    kind: 'string',
    format: {
      pattern: `^${hostNamePattern}$`,
      says: 'a host name without scheme or port, such as myhub.azure-devices.net',
      maxLength: 253,
    },
    meaning:
      'The IoT Hub as it is signed; required unless a connection string, the provisioning service or IoT Edge names it.',
    ...restart,
  },
  'identity.deviceId': {
    kind: 'string',
    format: hubIdentifier,
    meaning:
      'The device that the module belongs to; required unless a connection string, the provisioning service or IoT Edge names it.',
    ...restart,
  },
  'identity.moduleId': {
    kind: 'string',
    format: hubIdentifier,
    meaning: 'The module; `azureiotsecurity` when neither this nor a connection string names one.',
    ...restart,
  },
  'identity.gatewayHostName': {
    kind: 'string',
    format: endpoint('8883 or, over WebSockets, 443', 'gateway.local or localhost:18883'),
    meaning:
      'Connect here instead of to the hub, whose name is still signed: an IoT Edge gateway, another name of the hub, or a stand-in hub.',
    ...restart,
  },
  'identity.keyFile': path(
    "File that holds a symmetric key, base64 on its first line: that of the module, of the device (`device`), or of the device's enrolment, derived already where it is that of a group (`dps`).",
  ),
  'identity.connectionStringFile': path(
    'File that holds the connection string of the module, or of the device (`device`); instead of keyFile.',
  ),
  'identity.certificateFile': path(
    'File that holds the certificate (X.509) of the module, or of the device (`device`, `dps`): PEM, the certificate first and then those that lead to its authority, perhaps with its key; or PKCS#12.',
  ),
  'identity.privateKeyFile': path(
    'PEM file that holds the private key of the certificate, perhaps encrypted; where certificateFile does not hold it.',
  ),
  'identity.privateKeyPasswordFile': path(
    'File that holds the password of the private key or of the PKCS#12 file on its first line.',
  ),
  'identity.restEndpoint': {
    kind: 'string',
    format: endpoint('443', 'hub.local or localhost:18443'),
    meaning:
      'Where the HTTPS interface of the hub is asked for the module (`device`, `dps`), when that is not the hub itself.',
    ...restart,
  },
  'identity.dps.endpoint': {
    kind: 'string',
    default: 'global.azure-devices-provisioning.net',
    format: endpoint('443', 'global.azure-devices-provisioning.net'),
    meaning: 'The provisioning service.',
    ...restart,
  },
  'identity.dps.idScope': {
    kind: 'string',
    format: { pattern: '^[A-Za-z0-9]+$', says: 'an ID scope such as 0ne00000A1B', maxLength: 64 },
    meaning: 'The ID scope of the provisioning service.',
    ...restart,
  },
  'identity.dps.registrationId': {
    kind: 'string',
    format: {
      pattern: '^[A-Za-z0-9._:-]*[A-Za-z0-9-]$',
      says: 'a registration id: up to 128 letters, digits and - . _ : with a letter, a digit or - at its end',
      maxLength: 128,
    },
    meaning: 'The registration id of the device in the provisioning service.',
    ...restart,
  },
  'identity.dps.register': {
    kind: 'boolean',
    default: false,
    meaning:
      'Whether the agent registers the device when the provisioning service has not assigned it to a hub; otherwise it looks up what was assigned, which disturbs nothing.',
    ...restart,
  },
  'identity.edge.identitySocket': directory(
    '/run/aziot/identityd.sock',
    'Socket of the Identity Service of IoT Edge; in a container the variables of IoT Edge count instead.',
    socketPath,
  ),
  'identity.edge.keySocket': directory(
    '/run/aziot/keyd.sock',
    'Socket of the Keys Service of IoT Edge, which signs.',
    socketPath,
  ),
  trustedCaFile: path('PEM certificates that are trusted in addition to the public ones.'),
  transport: choice(
    ['mqtt', 'mqtt-websocket'],
    'mqtt',
    'How the hub is reached: MQTT over TLS, or MQTT over WebSockets, for networks that let only HTTPS out.',
  ),
  proxy: {
    kind: 'string',
    format: {
      pattern: `^http://${hostNamePattern}:${portPattern}$`,
      says: 'the address of an HTTP proxy with its port, such as http://proxy.example:3128',
      maxLength: 266,
      exclusions: [
        {
          pattern: '@',
          says: 'an address without user and password; write user:password into a file of its own and name that in proxyCredentialsFile',
        },
      ],
    },
    meaning: 'HTTP proxy through which the hub is reached (CONNECT); none when absent.',
    ...restart,
  },
  proxyCredentialsFile: path(
    'File that holds user:password for the proxy on its first line (Basic authentication).',
  ),
  remoteConfigurationObjectName: {
    kind: 'string',
    default: configurationObjectName,
    format: {
      pattern:
        '^(?!(agentStatus|latest_state|latest_invalid_fields|__proto__)$)[^\\u0000-\\u0020.$\\u007f-\\u009f\\ud800-\\udfff]+$',
      says: 'a property name without blanks, dots, $ or control characters',
      maxLength: 256,
      exclusions: [
        {
          pattern: '^(agentStatus|latest_state|latest_invalid_fields|__proto__)$',
          says: 'another name than this one, which the reported properties use for something else',
        },
      ],
    },
    meaning: 'Property of the module twin that holds the settings.',
    ...restart,
  },
  'audit.own': choice(
    ['auto', 'never'],
    'auto',
    'Whether the agent may set up kernel audit when nobody else does, or must only listen.',
  ),
  'audit.receiveBufferBytes': integer(
    8_388_608,
    'bytes',
    [65_536, 268_435_456],
    'Kernel buffer for audit records that have not been read yet.',
  ),
  processSource: choice(
    ['auto', 'audit', 'proc-connector', 'polling'],
    'auto',
    'Where started programs are learned from; auto takes the best that works.',
  ),
  processPollingInterval: interval(
    'PT1S',
    'PT0.1S',
    'PT1H',
    'Time between two looks at the process table where nothing better works.',
  ),
  connectionSource: choice(
    ['auto', 'tracefs', 'audit', 'polling'],
    'auto',
    'Where connections are learned from; auto takes the best that works, tracefs and audit together.',
  ),
  loginSource: choice(
    ['auto', 'audit', 'wtmp', 'journal'],
    'auto',
    'Where logins are learned from; auto takes the best that works.',
  ),
  disabledEvents: {
    kind: 'names',
    values: eventNames,
    default: [],
    of: 'event names',
    meaning:
      'Events that the owner of the device does not want collected or sent, whatever the twin says: `["Login"]`.',
    ...restart,
  },
  detection: {
    kind: 'boolean',
    default: true,
    meaning:
      'Whether events are judged by rules of detection; `false`: not on this device, whatever the twin says, which saves their memory.',
    ...restart,
  },
  reportLoopbackConnections: {
    kind: 'boolean',
    default: true,
    meaning: 'Whether connections of the device with itself are reported.',
    ...restart,
  },
  executableHashBytesPerSecond: integer(
    16_777_216,
    'bytes per second',
    [0, 1_073_741_824],
    'How much of executables is read to hash them; 0 hashes none.',
  ),
  maxCommandLineBytes: integer(
    8192,
    'bytes',
    [256, 65_536],
    'Longer command lines are cut, and their length and SHA-256 noted.',
  ),
  maintenanceWindow: {
    kind: 'string',
    format: cronExpression,
    meaning:
      "When work begins that reads all files of the device, in local time; each night between 1:00 and 5:00, at a moment of the device's own, when absent.",
    ...restart,
  },
  maintenanceDuration: interval(
    'PT1H',
    'PT1M',
    'PT12H',
    'Longest time that this work takes; what it has found until then counts.',
  ),
  redactionPatterns: {
    kind: 'patterns',
    default: [],
    maxItems: 64,
    meaning:
      'Regular expressions for secrets in command lines, beside the built-in ones: the group named `secret`, or else the whole match, is masked.',
    ...restart,
  },
  aggregatedCategory: choice(
    ['Triggered', 'Aggregated'],
    'Triggered',
    'Category of counted events; the public message schema knows only Triggered.',
  ),
  aggregationMaxEntries: integer(
    4096,
    'entries',
    [16, 1_048_576],
    'Different events counted at a time; more close the oldest.',
  ),
  aggregationMaxBytes: integer(
    2_097_152,
    'bytes',
    [65_536, 268_435_456],
    'Memory for events being counted; more closes the oldest.',
  ),
  historyMaxBytes: integer(
    4_194_304,
    'bytes',
    [0, 67_108_864],
    'What the device may keep of logins, changes and alerts after they were sent, for `iot-security-agent history`; 0 keeps nothing, and removes what was kept.',
  ),
  securityMarker: {
    kind: 'boolean',
    default: false,
    meaning:
      'Whether messages carry the property by which a hub knows security messages. A hub with the security service routes such messages to that service alone, and to none of your own endpoints: on only where something still reads them there.',
    ...restart,
  },
  messagesInFlight: integer(
    1,
    'messages',
    [1, 4],
    'Messages sent before the first is acknowledged.',
  ),
  maxUnitsPerDay: integer(
    0,
    'units of 4 KB',
    [0, 1_000_000],
    'Metered units a day after which Low events wait for the next day; 0 sets no limit.',
  ),
  // The hub drops a silent client after 1.5 times the keep-alive, at most 1767 s.
  keepAlive: interval('PT60S', 'PT5S', 'PT1177S', 'Silence after which the connection is probed.'),
  requestTimeout: interval('PT30S', 'PT1S', 'PT10M', 'Longest wait for an answer of the hub.'),
  shutdownTimeout: interval(
    'PT5S',
    'PT0S',
    'PT1M',
    'Longest time from the request to stop to the end of the last attempt to send; it is given a second at least, unless this is shorter.',
  ),
  stateDirectory: directory('/var/lib/iot-security-agent', 'Holds what must survive a restart.'),
  runtimeDirectory: directory(
    '/run/iot-security-agent',
    'Holds the socket that tells the status; at most 81 bytes, because the paths of sockets are short.',
    socketDirectory,
  ),
  inventoryDirectory: directory(
    '/run/iot-security-agent-inventory',
    'Holds the sockets of the inventory process, which runs what needs a program; at most 81 bytes.',
    socketDirectory,
  ),
  disconnectionTolerance: interval(
    'PT5M',
    'PT1S',
    'P7D',
    'Time without a connection after which the status is degraded.',
  ),
  metricsFile: {
    kind: 'string',
    format: {
      pattern: '^/[^\\u0000-\\u001f\\u007f\\ud800-\\udfff]*\\.prom$',
      says: 'an absolute path that ends in .prom',
      // A new one is written under a longer name beside it.
      maxLength: longestPathBytes - 4,
      maxBytes: longestPathBytes - 4,
    },
    meaning:
      'File for the textfile collector of a Prometheus node_exporter, written every minute; none when absent.',
    ...restart,
  },
  logLevel: choice(
    ['error', 'warn', 'info', 'debug'],
    'info',
    'Least severe log lines that are written.',
  ),
} as const satisfies Record<string, Setting>;

export type LocalKey = keyof typeof localSettings;

type Table = Readonly<Record<string, Setting>>;
type Head<K> = K extends `${infer H}.${string}` ? H : K;
type Under<T, H extends string> = {
  [K in keyof T as K extends `${H}.${infer Rest}` ? Rest : never]: T[K];
};
type Leaves<T> = {
  [K in keyof T as K extends `${string}.${string}` ? never : K]: T[K];
};
type WithDefault<T> = {
  [K in keyof T as T[K] extends { readonly default: unknown } ? K : never]: T[K];
};
type WithoutDefault<T> = {
  [K in keyof T as T[K] extends { readonly default: unknown } ? never : K]: T[K];
};
type Values<T> = { readonly [K in keyof T]: T[K] extends Setting ? ValueOf<T[K]> : never };
type Branches<T> = {
  readonly [H in Extract<Exclude<Head<keyof T>, keyof T>, string>]: Nested<Under<T, H>>;
};
type Nested<T extends Table | object> = Values<WithDefault<Leaves<T>>> &
  Partial<Values<WithoutDefault<Leaves<T>>>> &
  Branches<T>;

/** The settings of the local file, nested as it is; a key without a default may be absent. */
export type LocalSettings = Nested<typeof localSettings>;
