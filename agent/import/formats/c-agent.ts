import { parseDuration } from '../../../base/duration.js';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../base/json.js';
import { quoted } from '../../../base/quote.js';
import { printable } from '../../../base/text.js';
import { type Findings, type GivenFile, ImportError, Left, type OldIdentity } from './findings.js';
import { readAuthentication } from './authentication.js';
import { agentIdSetting, objectNameSetting, timeoutSetting } from './common-settings.js';

const noPolling =
  'this agent is told of what happens by the kernel and looks at no interval of its own';

/** `SystemLoggerMinimumSeverity`, from 0 for debug to 4 for fatal; what is fatal is an error here. */
const logLevels = ['debug', 'info', 'warn', 'error', 'error'] as const;

/** Whether it is the C agent's `LocalConfiguration.json`: its whole content is one object of this name. */
export function isCAgent(document: JsonObject): boolean {
  const inner = document['Configuration'];
  return isJsonObject(inner) && ('Authentication' in inner || 'AgentId' in inner);
}

/** Reads the C agent's `LocalConfiguration.json` (agents.md §1.6). @throws ImportError */
export function readCAgent(file: GivenFile, document: JsonObject): Findings {
  const configuration = objectIn(file, document, 'Configuration');
  const left = new Left(file);
  const settings: Record<string, JsonValue> = {};
  for (const [key, value] of Object.entries(configuration)) {
    const text = textOf(value);
    switch (key) {
      case 'AgentId':
        Object.assign(settings, agentIdSetting(key, text, left));
        break;
      case 'ConnectionTimeout':
        Object.assign(settings, timeoutSetting(key, text, parseDuration(text)?.text, left));
        break;
      case 'RemoteConfigurationObjectName':
        Object.assign(settings, objectNameSetting(text));
        break;
      case 'Logging':
        Object.assign(settings, readLogging(objectIn(file, configuration, key), left));
        break;
      case 'TriggerdEventsInterval':
        left.say(key, text, noPolling);
        break;
      case 'Authentication':
        break;
      default:
        left.say(key, '', 'it is no setting of the C agent');
    }
  }
  const authentication = objectIn(file, configuration, 'Authentication');
  return {
    is: 'the configuration of the C agent',
    settings,
    identity: readIdentity(file, authentication, left),
    left: left.sentences,
  };
}

function readLogging(logging: JsonObject, left: Left): Record<string, JsonValue> {
  const settings: Record<string, JsonValue> = {};
  for (const [key, value] of Object.entries(logging)) {
    const level = typeof value === 'number' ? logLevels[value] : undefined;
    if (key === 'SystemLoggerMinimumSeverity' && level !== undefined) settings['logLevel'] = level;
    else if (key === 'SystemLoggerMinimumSeverity')
      left.say(key, quoted(value), 'it is no number from 0 to 4, so that logLevel stays as it is');
    else if (/^Diagnos?ticEventMinimumSeverity$/.test(key))
      left.say(
        key,
        quoted(value),
        'Diagnostic events here tell of warnings and errors; eventPriorityDiagnostic in the twin switches them off',
      );
    else left.say(`Logging.${key}`, '', 'it is no setting of the C agent');
  }
  return settings;
}

function readIdentity(file: GivenFile, authentication: JsonObject, left: Left): OldIdentity {
  const dps =
    'DPS' in authentication && authentication['DPS'] !== null
      ? objectIn(file, authentication, 'DPS')
      : {};
  const known = ['Identity', 'AuthenticationMethod', 'FilePath', 'DeviceId', 'HostName', 'DPS'];
  for (const key of Object.keys(authentication)) {
    if (!known.includes(key))
      left.say(`Authentication.${key}`, '', 'it is no setting of the C agent');
  }
  return readAuthentication(
    file,
    {
      identity: 'Authentication.Identity',
      method: 'Authentication.AuthenticationMethod',
      filePath: 'Authentication.FilePath',
      hostName: 'Authentication.HostName',
      deviceId: 'Authentication.DeviceId',
      moduleId: 'Authentication.ModuleId',
      idScope: 'Authentication.DPS.IDScope',
      registrationId: 'Authentication.DPS.RegistrationId',
    },
    {
      identity: textOf(authentication['Identity']),
      method: textOf(authentication['AuthenticationMethod']),
      filePath: textOf(authentication['FilePath']),
      hostName: textOf(authentication['HostName']),
      deviceId: textOf(authentication['DeviceId']),
      // The C agent knows one module alone, which is also the one of this agent when none is named.
      moduleId: '',
      idScope: textOf(dps['IDScope']),
      registrationId: textOf(dps['RegistrationId']),
    },
  );
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function objectIn(file: GivenFile, parent: JsonObject, key: string): JsonObject {
  const value = parent[key];
  if (isJsonObject(value)) return value;
  throw new ImportError(`${printable(key, 40)} in ${file.path} is missing or not an object`);
}
