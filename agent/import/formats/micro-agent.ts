import { join } from 'node:path';
import type { JsonObject, JsonValue } from '../../../base/json.js';
import { quoted } from '../../../base/quote.js';
import { localSettings } from '../../../config/local-settings.js';
import { readSetting } from '../../../config/read-setting.js';
import { type Findings, type GivenFile, ImportError, Left } from './findings.js';

/** The micro agent's files of its certificate, beside its connection string. */
const certificateFile = 'certificate_public.pem';
const privateKeyFile = 'certificate_private.pem';

/** Whether it is a connection string, on its first line that holds something. */
export function isConnectionString(text: string): boolean {
  return /^\s*["']?(HostName|DeviceId|ModuleId|SharedAccessKey|x509)=[^\n]*;/i.test(text);
}

/** Reads `connection_string.txt`; with `x509=true` in it the certificate and its key lie beside it. */
export function readMicroConnectionString(file: GivenFile): Findings {
  const line = (file.text.trim().split('\n', 1)[0] ?? '')
    .trim()
    .replace(/^(["'])(.*)\1$/, '$2')
    .trim();
  const withCertificate = /(^|;)\s*x509\s*=\s*true\s*(;|$)/i.test(line);
  return {
    is: 'the connection string of a module, as the micro agent has it',
    settings: {},
    identity: {
      settings: { 'identity.mode': 'module' },
      secret: {
        kind: 'connection-string',
        line,
        ...(withCertificate && {
          certificate: {
            path: join(file.directory, certificateFile),
            keyPath: join(file.directory, privateKeyFile),
          },
        }),
      },
    },
    left: [],
  };
}

const proxyKey = 'IothubModule_ProxyConfig';
const transportKey = 'IothubModule_TransportProtocol';

/** Whether it is the micro agent's `conf.json`, which says how the hub is reached. */
export function isMicroConfiguration(document: JsonObject): boolean {
  return proxyKey in document || transportKey in document;
}

/** By `IothubModule_TransportProtocol`, which has three documented values beside the default. */
const transports: Readonly<Record<string, { readonly transport: string; readonly why?: string }>> =
  {
    MQTT_Protocol: { transport: 'mqtt' },
    MQTT_WebSocket_Protocol: { transport: 'mqtt-websocket' },
    AMQP_Protocol: {
      transport: 'mqtt',
      why: 'this agent speaks MQTT over TLS, so that port 8883 must be open instead of 5671',
    },
    AMQP_WebSocket_Protocol: {
      transport: 'mqtt-websocket',
      why: 'this agent speaks MQTT over WebSockets, to the same port (443)',
    },
  };

/** Reads `conf.json`. @throws ImportError */
export function readMicroConfiguration(file: GivenFile, document: JsonObject): Findings {
  const left = new Left(file);
  const settings: Record<string, JsonValue> = {};
  let proxyCredentials: string | undefined;
  for (const [key, value] of Object.entries(document)) {
    if (key === proxyKey) {
      const proxy = readProxy(file, value);
      settings['proxy'] = proxy.url;
      proxyCredentials = proxy.credentials;
    } else if (key === transportKey) {
      const known = typeof value === 'string' ? transports[value] : undefined;
      if (known !== undefined) settings['transport'] = known.transport;
      const why =
        known === undefined
          ? 'it is no transport of the micro agent; this one speaks MQTT'
          : known.why;
      if (why !== undefined) left.say(key, quoted(value), why);
    } else left.say(key, '', 'it is not documented what it does');
  }
  return {
    is: 'how the micro agent reaches the hub',
    settings,
    ...(proxyCredentials !== undefined && { proxyCredentials }),
    left: left.sentences,
  };
}

/** `ip,port[,user,password]`. The sentence does not show it: a password may be in it. */
function readProxy(file: GivenFile, value: JsonValue): { url: string; credentials?: string } {
  const [host = '', port = '', user, ...rest] =
    typeof value === 'string' ? value.split(',').map((part) => part.trim()) : [];
  const url = `http://${host}:${port}`;
  if (readSetting(localSettings.proxy, url, false).kind !== 'value') {
    throw new ImportError(
      `${proxyKey} in ${file.path} is not "address,port" or "address,port,user,password"; correct it there`,
    );
  }
  // The password may have a comma in it.
  return user === undefined ? { url } : { url, credentials: `${user}:${rest.join(',')}` };
}

/** What the micro agent lets a file say of the hardware, and the setting of the twin that says it here. */
const hardware: Readonly<Record<string, string>> = {
  HardwareVendor: 'hardwareVendor',
  HardwareModel: 'hardwareModel',
  HardwareSerialNumber: 'hardwareSerialNumber',
  FirmwareVendor: 'firmwareVendor',
  FirmwareVersion: 'firmwareVersion',
};

export function isSysinfo(document: JsonObject): boolean {
  const keys = Object.keys(document);
  return keys.length > 0 && keys.every((key) => Object.hasOwn(hardware, key));
}

/** Reads `sysinfo.json`: here the twin says what the firmware does not. */
export function readSysinfo(file: GivenFile, document: JsonObject): Findings {
  const left = new Left(file);
  for (const [key, value] of Object.entries(document)) {
    left.say(
      key,
      quoted(value),
      `SystemInformation tells what the firmware says; to tell this instead, set ${hardware[key] ?? key} in the twin`,
    );
  }
  return { is: 'what the micro agent tells of the hardware', settings: {}, left: left.sentences };
}
