import type { JsonValue } from '../../../base/json.js';
import { printable } from '../../../base/text.js';
import { type Findings, type GivenFile, ImportError, Left } from './findings.js';
import { readAuthentication } from './authentication.js';
import { agentIdSetting, objectNameSetting, timeoutSetting } from './common-settings.js';
import type { KeyValueList } from './key-value-xml.js';
import { readNetDuration } from './net-duration.js';

type Values = ReadonlyMap<string, string>;
type Read = (file: GivenFile, values: Values, left: Left) => Omit<Findings, 'left'>;

/** Readers by the element that the file consists of (agents.md §1.7); `Authentication` is the root of its file, and so on. */
const readers: Readonly<Record<string, Read>> = {
  general: readGeneral,
  authentication: readIdentityFile,
  externalinterface: readInterface,
};

/** Reads `General.config`, `Authentication.config` or `SecurityIotInterface.config`. @throws ImportError */
export function readCSharpAgent(file: GivenFile, list: KeyValueList): Findings {
  const reader = readers[list.root.toLowerCase()];
  if (reader === undefined) {
    throw new ImportError(
      `${file.path} is a list of settings in <${printable(list.root, 40)}>, which no old agent has; name General.config, Authentication.config and SecurityIotInterface.config`,
    );
  }
  const left = new Left(file);
  const values = new Map(list.entries.map(({ key, value }) => [key.toLowerCase(), value]));
  const found = reader(file, values, left);
  for (const { key, value } of list.entries) {
    const why = withoutEquivalent[key.toLowerCase()];
    if (why !== undefined) left.say(key, value, why);
    else if (!taken.has(key.toLowerCase())) left.say(key, '', 'it is no setting of the C# agent');
  }
  return { ...found, left: left.sentences };
}

const eventsByKernel = 'this agent is told of what happens by the kernel, and is woken by it';

/** By key in lower case: why there is nothing like it here. */
const withoutEquivalent: Readonly<Record<string, string>> = {
  schedulerinterval: eventsByKernel,
  producerinterval: eventsByKernel,
  consumerinterval:
    'messages go when highPriorityMessageFrequency and lowPriorityMessageFrequency of the twin say so',
  highpriorityqueuesizepercentage:
    'both priorities share the room, and Low events make way for High ones',
  fileloglevel: 'this agent writes to the journal alone',
  logfilepath: 'this agent writes to the journal alone',
  diagnosticverbositylevel:
    'Diagnostic events here tell of warnings and errors; eventPriorityDiagnostic in the twin switches them off',
  defaulteventpriority: 'the C# agent read it and did not use it',
  facadetype: 'it names a class of the C# agent',
};

const taken: ReadonlySet<string> = new Set([
  ...['agentid', 'readremoteconfigurationtimeout', 'loglevel'],
  ...['modulename', 'deviceid', 'gatewayhostname', 'filepath', 'type', 'identity'],
  ...['certificatelocationkind', 'idscope', 'registrationid'],
  ...['transporttype', 'remoteconfigurationobject'],
]);

/** By the C# agent's `logLevel`. */
const logLevels: Readonly<Record<string, string>> = {
  off: 'error',
  fatal: 'error',
  error: 'error',
  warning: 'warn',
  information: 'info',
  debug: 'debug',
};

function readGeneral(_file: GivenFile, values: Values, left: Left): Omit<Findings, 'left'> {
  const settings: Record<string, JsonValue> = {};
  const timeout = values.get('readremoteconfigurationtimeout');
  const level = values.get('loglevel');
  Object.assign(settings, agentIdSetting('agentId', values.get('agentid') ?? '', left));
  if (timeout !== undefined)
    Object.assign(
      settings,
      timeoutSetting('readRemoteConfigurationTimeout', timeout, readNetDuration(timeout), left),
    );
  const known = level === undefined ? undefined : logLevels[level.trim().toLowerCase()];
  if (known !== undefined) settings['logLevel'] = known;
  if (level !== undefined && known === undefined)
    left.say('logLevel', level, 'it is no level of the C# agent, so that logLevel stays as it is');
  if (level?.trim().toLowerCase() === 'off')
    left.say('logLevel', level, 'this agent is never silent: logLevel error is the quietest');
  return { is: 'the general settings of the C# agent', settings };
}

function readIdentityFile(file: GivenFile, values: Values): Omit<Findings, 'left'> {
  const value = (key: string): string => values.get(key.toLowerCase()) ?? '';
  if (value('type') === 'SelfSignedCertificate' && value('certificateLocationKind') === 'Store') {
    throw new ImportError(
      `the certificate that ${file.path} names lies in a store of .NET, of which this agent knows none; on Linux that is a .pfx file under .dotnet/corefx/cryptography/x509stores of the old agent's user: copy it, name the copy in filePath, and set certificateLocationKind to LocalFile`,
    );
  }
  const identity = readAuthentication(
    file,
    {
      identity: 'identity',
      method: 'type',
      filePath: 'filePath',
      hostName: 'gatewayHostname',
      deviceId: 'deviceId',
      moduleId: 'moduleName',
      idScope: 'idScope',
      registrationId: 'registrationId',
    },
    {
      identity: value('identity'),
      method: value('type'),
      filePath: value('filePath'),
      // Its name notwithstanding it holds the name of the hub, which is signed.
      hostName: value('gatewayHostname'),
      deviceId: value('deviceId'),
      moduleId: value('moduleName'),
      idScope: value('idScope'),
      registrationId: value('registrationId'),
    },
  );
  return { is: 'the identity of the C# agent', settings: {}, identity };
}

function readInterface(_file: GivenFile, values: Values, left: Left): Omit<Findings, 'left'> {
  const settings: Record<string, JsonValue> = {};
  const transport = values.get('transporttype')?.trim() ?? '';
  if (/websocket/i.test(transport)) settings['transport'] = 'mqtt-websocket';
  if (/^amqp/i.test(transport))
    left.say(
      'transportType',
      transport,
      /websocket/i.test(transport)
        ? 'this agent speaks MQTT over WebSockets, to the same port (443)'
        : 'this agent speaks MQTT over TLS, so that port 8883 must be open instead of 5671',
    );
  else if (transport !== '' && !/^mqtt/i.test(transport))
    left.say('transportType', transport, 'this agent speaks MQTT');
  Object.assign(settings, objectNameSetting(values.get('remoteconfigurationobject') ?? ''));
  return { is: 'the transport of the C# agent', settings };
}
