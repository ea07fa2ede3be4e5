import type { TwinSettings } from '../../config/twin-settings.js';
import type { RuleSource } from '../../detection/language/read-rules.js';

type Allowed = Pick<
  TwinSettings,
  | 'detectionAllowedAddresses'
  | 'detectionAllowedProcesses'
  | 'detectionAllowedUsers'
  | 'detectionConnectionsWindow'
  | 'detectionFailedLoginsWindow'
  | 'detectionMaximumConnections'
  | 'detectionMaximumFailedLogins'
>;

const service = 'iot-security-agent';
const low = { level: 'low', status: 'stable' } as const;

/** What never leaves the device. */
const ownNetworks = ['127.0.0.0/8', '::1/128', '0.0.0.0/32', '::/128'];

/**
 * The alerts that fleets defined by lists and thresholds in the retired service, as rules: those that a device can decide.
 * Each is a document of its own, so that a wrong value of a setting refuses one of them alone.
 */
export function allowedAlerts(settings: Allowed): readonly RuleSource[] {
  return [
    ...notAllowedProcess(settings.detectionAllowedProcesses),
    ...notAllowedUser(settings.detectionAllowedUsers),
    ...notAllowedAddress(settings.detectionAllowedAddresses),
    ...tooManyFailedLogins(
      settings.detectionMaximumFailedLogins,
      settings.detectionFailedLoginsWindow.ms,
    ),
    ...tooManyConnections(
      settings.detectionMaximumConnections,
      settings.detectionConnectionsWindow.ms,
    ),
  ];
}

/** JSON is YAML, and quotes whatever stands in a setting. */
const source = (setting: string, ...documents: readonly object[]): readonly RuleSource[] => [
  {
    name: setting,
    text: documents.map((document) => JSON.stringify(document)).join('\n---\n'),
    origin: 'twin',
  },
];

const notAllowedProcess = (paths: readonly string[]): readonly RuleSource[] =>
  paths.length === 0
    ? []
    : source('detectionAllowedProcesses', {
        ...low,
        title: 'Program that is not allowed',
        id: '6b4f5f0e-52b2-4c1c-9a5e-0b5f6c8f1a01',
        alert_type: 'IoT_CA_ProcessNotAllowed',
        description:
          'A program or script was started that is not in the list detectionAllowedProcesses of the twin.',
        logsource: { category: 'process_creation', product: 'linux' },
        detection: {
          known: { 'Image|exists': true },
          allowed: { Image: paths },
          condition: 'known and not allowed',
        },
      });

const notAllowedUser = (names: readonly string[]): readonly RuleSource[] =>
  names.length === 0
    ? []
    : source('detectionAllowedUsers', {
        ...low,
        title: 'Login of a user who is not allowed',
        id: '6b4f5f0e-52b2-4c1c-9a5e-0b5f6c8f1a02',
        alert_type: 'IoT_CA_LocalUserNotAllowed',
        description: 'A user logged in who is not in the list detectionAllowedUsers of the twin.',
        logsource: { category: 'login', product: 'linux', service },
        detection: {
          login: { Result: 'Success', 'UserName|exists': true },
          logout: { Operation: 'logout' },
          allowed: { UserName: names },
          condition: 'login and not logout and not allowed',
        },
      });

const notAllowedAddress = (networks: readonly string[]): readonly RuleSource[] =>
  networks.length === 0
    ? []
    : source('detectionAllowedAddresses', {
        ...low,
        title: 'Connection to an address that is not allowed',
        id: '6b4f5f0e-52b2-4c1c-9a5e-0b5f6c8f1a03',
        alert_type: 'IoT_CA_ConnectionToIpNotAllowed',
        description:
          'A connection went out to an address that is not in the list detectionAllowedAddresses of the twin.',
        logsource: { category: 'network_connection', product: 'linux' },
        detection: {
          out: { Initiated: 'true', 'DestinationIp|exists': true },
          allowed: { 'DestinationIp|cidr': [...ownNetworks, ...networks] },
          condition: 'out and not allowed',
        },
      });

const tooManyFailedLogins = (most: number, windowMs: number): readonly RuleSource[] =>
  most === 0
    ? []
    : source(
        'detectionMaximumFailedLogins',
        {
          title: 'Failed login',
          id: '6b4f5f0e-52b2-4c1c-9a5e-0b5f6c8f1a04',
          logsource: { category: 'login', product: 'linux', service },
          detection: {
            failed: { Result: 'Fail' },
            unknown: { ResultKnown: 'false' },
            condition: 'failed and not unknown',
          },
        },
        {
          ...low,
          title: 'More failed logins than allowed',
          id: '6b4f5f0e-52b2-4c1c-9a5e-0b5f6c8f1a05',
          alert_type: 'IoT_CA_FailedLocalLoginsNotInAllowedRange',
          description: 'More logins failed in the window than the twin allows.',
          correlation: {
            type: 'event_count',
            rules: ['6b4f5f0e-52b2-4c1c-9a5e-0b5f6c8f1a04'],
            timespan: timespan(windowMs),
            condition: { gt: most },
          },
        },
      );

const tooManyConnections = (most: number, windowMs: number): readonly RuleSource[] =>
  most === 0
    ? []
    : source(
        'detectionMaximumConnections',
        {
          title: 'Connection',
          id: '6b4f5f0e-52b2-4c1c-9a5e-0b5f6c8f1a06',
          logsource: { category: 'network_connection', product: 'linux' },
          detection: { any: { 'Initiated|exists': true }, condition: 'any' },
        },
        {
          ...low,
          title: 'More connections than allowed',
          id: '6b4f5f0e-52b2-4c1c-9a5e-0b5f6c8f1a07',
          alert_type: 'IoT_CA_ActiveConnectionsNotInAllowedRange',
          description: 'More connections were made in the window than the twin allows.',
          correlation: {
            type: 'event_count',
            rules: ['6b4f5f0e-52b2-4c1c-9a5e-0b5f6c8f1a06'],
            timespan: timespan(windowMs),
            condition: { gt: most },
          },
        },
      );

/** In whole seconds, and no longer than a correlation may look back. */
const timespan = (ms: number): string =>
  `${Math.min(Math.max(1, Math.round(ms / 1000)), 30 * 86_400)}s`;
