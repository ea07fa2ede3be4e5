import { localSettings } from '../../../config/local-settings.js';
import { readSetting } from '../../../config/read-setting.js';

/** The parts of a module's connection string. Holds a secret. */
export interface ConnectionString {
  readonly hostName: string;
  readonly deviceId: string;
  readonly moduleId: string;
  /** Base64; undefined where it says `x509=true`, that a certificate is the proof. */
  readonly sharedAccessKey: string | undefined;
  readonly gatewayHostName?: string;
}

/** `fault` completes "<file> ..." and shows nothing of the text. */
interface Fault {
  readonly fault: string;
}

const shape = 'HostName=…;DeviceId=…;ModuleId=…;SharedAccessKey=…';

/** Reads `HostName=…;DeviceId=…;ModuleId=…;SharedAccessKey=…[;GatewayHostName=…]`, parts in any order, names in any case. */
export function parseConnectionString(text: string): ConnectionString | Fault {
  return parse(text, 'module');
}

/** The string of a device, which has no `ModuleId`; the one in the result is empty. */
export function parseDeviceConnectionString(text: string): ConnectionString | Fault {
  return parse(text, 'device');
}

type Whose = 'module' | 'device';

function parse(text: string, whose: Whose): ConnectionString | Fault {
  if (/^["'“”‘’]|["'“”‘’]$/.test(text.trim())) {
    return { fault: 'begins or ends with a quote; remove the quotes' };
  }
  const parts = new Map<string, string>();
  for (const [index, part] of text.split(';').entries()) {
    if (part.trim() === '') continue;
    const equals = part.indexOf('=');
    if (equals < 1) {
      return {
        fault: `is not a connection string: part ${index + 1} has no name; expected is ${shape}`,
      };
    }
    const name = part.slice(0, equals).trim().toLowerCase();
    if (parts.has(name)) {
      return {
        fault: `names the same thing twice, in part ${index + 1}; copy the connection string again`,
      };
    }
    parts.set(name, part.slice(equals + 1).trim());
  }
  return check(parts, whose);
}

function check(parts: ReadonlyMap<string, string>, whose: Whose): ConnectionString | Fault {
  const value = (name: string): string => parts.get(name.toLowerCase()) ?? '';
  if (value('SharedAccessKeyName') !== '') {
    return {
      fault:
        'holds the connection string of a policy of the hub, which gives rights over all devices and must not be on one; ' +
        'copy that of the module azureiotsecurity instead',
    };
  }
  if (whose === 'device' && value('ModuleId') !== '') {
    return {
      fault:
        'holds the connection string of a module, for it has a ModuleId; ' +
        'copy that of the device instead, or set identity.mode to "module"',
    };
  }
  if (whose === 'module' && value('DeviceId') !== '' && value('ModuleId') === '') {
    return {
      fault:
        'holds the connection string of the device, for it has no ModuleId; ' +
        'copy that of the module azureiotsecurity of this device instead, or set identity.mode to "device"',
    };
  }
  const isX509 = value('x509').toLowerCase() === 'true';
  if (isX509 && value('SharedAccessKey') !== '') {
    return { fault: 'holds a key and says x509=true, which contradict each other; copy it again' };
  }
  for (const name of ['HostName', 'DeviceId', 'ModuleId', 'SharedAccessKey'] as const) {
    if (name === 'ModuleId' && whose === 'device') continue;
    if (name === 'SharedAccessKey' && isX509) continue;
    if (value(name) === '') return { fault: `has no ${name}; expected is ${shape}` };
  }
  const formats = {
    HostName: localSettings['identity.hostName'],
    DeviceId: localSettings['identity.deviceId'],
    ModuleId: localSettings['identity.moduleId'],
    GatewayHostName: localSettings['identity.gatewayHostName'],
  };
  for (const [name, setting] of Object.entries(formats)) {
    if (value(name) === '') continue;
    const reading = readSetting(setting, value(name), false);
    if (reading.kind === 'mismatch')
      return { fault: `has a ${name} that is not ${reading.expected}` };
  }
  if (!isX509 && !isBase64(value('SharedAccessKey'))) {
    return { fault: 'has a SharedAccessKey that is not base64; copy the connection string again' };
  }
  if (!isX509 && isCutShort(value('SharedAccessKey'))) {
    return { fault: `has a SharedAccessKey ${cutShort}; copy the connection string again` };
  }
  const gatewayHostName = value('GatewayHostName');
  return {
    hostName: value('HostName'),
    deviceId: value('DeviceId'),
    moduleId: value('ModuleId'),
    sharedAccessKey: isX509 ? undefined : value('SharedAccessKey'),
    ...(gatewayHostName === '' ? {} : { gatewayHostName }),
  };
}

/** RFC 4648 §4, with padding and without white space. */
export function isBase64(text: string): boolean {
  return text !== '' && text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text);
}

/** IoT Hub and its provisioning service take keys of 16 to 64 bytes. */
const fewestKeyBytes = 16;

/** A key of which the rest was lost: a cut may well leave base64. */
export function isCutShort(key: string): boolean {
  return Buffer.from(key, 'base64').length < fewestKeyBytes;
}

/** Completes "a key …" for one that is cut short. */
export const cutShort = `of fewer than ${fewestKeyBytes} bytes, which no hub takes, so that some of it is missing`;
