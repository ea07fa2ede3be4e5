import { levels } from '../contract/rule-level.js';
import { type Format, flag, interval, live, type Setting, type TextsSetting } from './setting.js';

/** Members of a twin have no dots, dollar signs or blanks in their names. */
const nameOf = (what: string, maxLength: number): Format => ({
  pattern: '^[^\\u0000-\\u0020.$,\\u007f-\\u009f\\ud800-\\udfff]+$',
  says: `${what}, without blanks, dots, commas and dollar signs`,
  maxLength,
});

const ruleId = nameOf('the id of a rule', 128);

const level = { kind: 'choice', values: levels } as const;

const allowed = (of: string, meaning: string) =>
  ({
    kind: 'texts',
    default: [],
    maxItems: 200,
    maxLength: 256,
    of,
    meaning,
    ...live,
  }) as const satisfies TextsSetting;

const most = (what: string) =>
  ({
    kind: 'integer',
    default: 0,
    unit: what,
    // A correlation keeps no more of a group.
    minimum: 0,
    maximum: 2_000,
    meaning: `How many ${what} within the window are no alert; 0: any number.`,
    ...live,
  }) as const;

/** Of rules and filters in the twin together. */
export const twinRulesBytes = 16 * 1024;

/** What is detected on the device: which rules are judged, and what each calls usual. See docs/rules.md. */
export const detectionSettings = {
  detectionEnabled: flag(true, 'Whether events are judged by rules of detection on the device.'),
  detectionOfUnsentEvents: flag(
    false,
    'Whether events whose priority is Off are watched all the same where rules ask for them: their alerts are told, and nothing else of them. Otherwise Off stops their collector.',
  ),
  detectionMinimumLevel: {
    ...level,
    default: 'low',
    meaning: 'Rules below this level raise no alerts; one without a level counts as medium.',
    ...live,
  },
  detectionValues: {
    kind: 'record',
    default: {},
    names: ruleId,
    member: {
      kind: 'record',
      names: nameOf('the name of a value', 64),
      member: { kind: 'texts', maxItems: 500, maxLength: 512, of: 'values' },
      maxMembers: 32,
    },
    maxMembers: 200,
    maxBytes: 16 * 1024,
    meaning:
      'What a rule calls usual: for its id its named values, such as allowed_users, each a list.',
    ...live,
  },
  detectionRules: {
    kind: 'record',
    default: {},
    names: nameOf('the name of a file of rules', 64),
    member: {
      kind: 'string',
      format: {
        pattern:
          '^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f\\ufeff\\ud800-\\udfff]*$',
        says: 'YAML as text',
        maxLength: twinRulesBytes,
      },
    },
    maxMembers: 64,
    maxBytes: twinRulesBytes,
    meaning: 'Rules, correlations and filters of the fleet: for a name of a file its YAML as text.',
    ...live,
  },
  detectionDisabled: {
    kind: 'texts',
    default: [],
    maxItems: 500,
    maxLength: 128,
    of: 'ids of rules',
    meaning: 'Rules that raise no alerts.',
    ...live,
  },
  detectionLevels: {
    kind: 'record',
    default: {},
    names: ruleId,
    member: level,
    maxMembers: 500,
    maxBytes: 16 * 1024,
    meaning: 'For the id of a rule another level than its own.',
    ...live,
  },
  detectionAllowedProcesses: allowed(
    'paths, in which * stands for anything',
    'Programs and scripts that may start; any other is an alert. Empty: any may.',
  ),
  detectionAllowedUsers: allowed(
    'names of users, in which * stands for anything',
    'Users that may log in; the login of another is an alert. Empty: any may.',
  ),
  detectionAllowedAddresses: allowed(
    'addresses and networks, such as 10.0.0.0/8',
    'Where connections may go out to; any other is an alert. Empty: anywhere, and the device itself always.',
  ),
  detectionMaximumFailedLogins: most('failed logins'),
  detectionFailedLoginsWindow: interval('PT5M', 'Time over which failed logins are counted.'),
  detectionMaximumConnections: most('connections'),
  detectionConnectionsWindow: interval('PT5M', 'Time over which connections are counted.'),
} as const satisfies Readonly<Record<string, Setting>>;
