import { expect, test } from 'vitest';
import type { JsonValue } from '../../base/json.js';
import { localSettings } from '../../config/local-settings.js';
import type { LocalSettings } from '../../config/local-settings.js';
import { parseLocalSettings } from '../../config/parse-local-settings.js';

const file = '/etc/iot-security-agent/agent.json';
const identity = { hostName: 'hub.example', deviceId: 'device-1', keyFile: '/etc/module.key' };

function settingsOf(document: JsonValue): LocalSettings {
  const result = parseLocalSettings(JSON.stringify(document), file);
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  return result.settings;
}

const code = / \[Local Configuration \/ [A-Za-z ]+\]\.$/;

/** Without the code that each ends with. */
function messagesOf(document: JsonValue | string): readonly string[] {
  const text = typeof document === 'string' ? document : JSON.stringify(document);
  const result = parseLocalSettings(text, file);
  if ('settings' in result) throw new Error('no problem was found');
  return result.problems.map(({ message }) => {
    // Which code belongs to what is told by the test of the old vocabulary.
    expect(message).toMatch(code);
    return message.replace(code, '.');
  });
}

const unused = {
  dps: { endpoint: 'global.azure-devices-provisioning.net', register: false },
  edge: { identitySocket: '/run/aziot/identityd.sock', keySocket: '/run/aziot/keyd.sock' },
};

test('the identity alone is enough; all else has its default, nested as in the file', () => {
  expect(settingsOf({ identity })).toEqual({
    identity: { mode: 'module', ...identity, ...unused },
    transport: 'mqtt',
    remoteConfigurationObjectName: 'ms_iotn:urn_azureiot_Security_SecurityAgentConfiguration',
    audit: { own: 'auto', receiveBufferBytes: 8_388_608 },
    processSource: 'auto',
    processPollingInterval: { text: 'PT1S', ms: 1000 },
    connectionSource: 'auto',
    loginSource: 'auto',
    disabledEvents: [],
    detection: true,
    reportLoopbackConnections: true,
    executableHashBytesPerSecond: 16_777_216,
    maxCommandLineBytes: 8192,
    redactionPatterns: [],
    aggregatedCategory: 'Triggered',
    aggregationMaxEntries: 4096,
    aggregationMaxBytes: 2_097_152,
    historyMaxBytes: 4_194_304,
    securityMarker: false,
    messagesInFlight: 1,
    maxUnitsPerDay: 0,
    keepAlive: { text: 'PT60S', ms: 60_000 },
    requestTimeout: { text: 'PT30S', ms: 30_000 },
    shutdownTimeout: { text: 'PT5S', ms: 5000 },
    inventoryDirectory: '/run/iot-security-agent-inventory',
    maintenanceDuration: { text: 'PT1H', ms: 3_600_000 },
    stateDirectory: '/var/lib/iot-security-agent',
    runtimeDirectory: '/run/iot-security-agent',
    disconnectionTolerance: { text: 'PT5M', ms: 300_000 },
    logLevel: 'info',
  });
});

test('a connection string alone is enough', () => {
  const settings = settingsOf({ identity: { connectionStringFile: '/etc/module' } });
  expect(settings.identity).toEqual({
    mode: 'module',
    connectionStringFile: '/etc/module',
    ...unused,
  });
});

test('what is written is used', () => {
  const written = {
    agentId: '5f8d9e0c-3c1b-4a6e-9f27-0d2b6c1a7e43',
    identity: {
      ...identity,
      mode: 'module',
      moduleId: 'other',
      gatewayHostName: 'localhost:18883',
    },
    trustedCaFile: '/etc/ca.pem',
    audit: { own: 'never' },
    messagesInFlight: 4,
    securityMarker: false,
    keepAlive: 'PT1M',
  };
  expect(settingsOf(written)).toMatchObject({
    ...written,
    keepAlive: { text: 'PT1M', ms: 60_000 },
  });
});

test('redaction patterns arrive compiled, for every match', () => {
  const [pattern] = settingsOf({
    identity,
    redactionPatterns: ['pin=(?<secret>\\d+)'],
  }).redactionPatterns;
  expect('pin=1 pin=22'.match(pattern ?? '')).toEqual(['pin=1', 'pin=22']);
});

test('broken JSON is told with line and column', () => {
  expect(messagesOf('{\n  "identity": {,\n}')).toEqual([
    `${file} is not valid JSON: line 2, column 16: a key is expected, not ",". Correct it there; JSON knows neither comments nor trailing commas.`,
  ]);
  expect(messagesOf('[]')).toEqual([expect.stringContaining('must hold an object')]);
});

test('a byte order mark is no fault', () => {
  expect(parseLocalSettings(`\uFEFF${JSON.stringify({ identity })}`, file)).toHaveProperty(
    'settings',
  );
});

test.each<[Record<string, JsonValue>, string]>([
  [{ logLevl: 'info' }, 'logLevl is not a setting; did you mean logLevel? Correct or remove it.'],
  [
    { keyFile: '/x' },
    'keyFile is not a setting; did you mean identity.keyFile? Correct or remove it.',
  ],
  [
    { maintenance: '* 3 * * *' },
    'maintenance is not a setting; did you mean maintenanceWindow? Correct or remove it.',
  ],
  [{ LogLevel: 'info' }, 'LogLevel is not a setting; did you mean logLevel? Correct or remove it.'],
  [
    { keepalife: 'PT1M' },
    'keepalife is not a setting; did you mean keepAlive? Correct or remove it.',
  ],
  [{ logger: {} }, 'logger is not a setting; remove it.'],
  [{ wholly: 1 }, 'wholly is not a setting; remove it.'],
  [
    { ['a\nb'.repeat(500)]: 1 },
    `${'a\\u{a}b'.repeat(12).slice(0, 79)}… is not a setting; remove it.`,
  ],
  [
    { runtimeDirectory: `/${'r'.repeat(81)}` },
    `runtimeDirectory is "/${'r'.repeat(38)}…", but must be an absolute path of at most 81 bytes.`,
  ],
  [
    { runtimeDirectory: `/${'ü'.repeat(41)}` },
    `runtimeDirectory is "/${'ü'.repeat(38)}…", but must be an absolute path of at most 81 bytes.`,
  ],
  [
    { remoteConfigurationObjectName: 'agentStatus' },
    'remoteConfigurationObjectName is "agentStatus", but must be another name than this one, which the reported properties use for something else.',
  ],
  [
    { trustedCaFile: '/half\ud800' },
    'trustedCaFile is "/half\\u{d800}", but must be an absolute path.',
  ],
  [{ logLevel: 5 }, 'logLevel is 5, but must be error, warn, info or debug.'],
  [{ securityMarker: 'true' }, 'securityMarker is "true", but must be true or false.'],
  [{ messagesInFlight: '2' }, 'messagesInFlight is "2", but must be a whole number.'],
  [
    { messagesInFlight: 5 },
    'messagesInFlight is 5, which is more than the most, 4; choose another value.',
  ],
  [
    { keepAlive: 'PT0S' },
    'keepAlive is "PT0S", which is shorter than the least, PT5S; choose another value.',
  ],
  [{ keepAlive: '60s' }, 'keepAlive is "60s", but must be an ISO-8601 duration such as PT7M.'],
  [
    { keepAlive: null },
    'keepAlive is null; remove the key, or set it to an ISO-8601 duration such as PT7M.',
  ],
  [{ stateDirectory: 'state' }, 'stateDirectory is "state", but must be an absolute path.'],
  [{ transport: 'amqp' }, 'transport is "amqp", but must be mqtt or mqtt-websocket.'],
  [
    { proxy: 'http://x' },
    'proxy is "http://x", but must be the address of an HTTP proxy with its port, such as http://proxy.example:3128.',
  ],
  [
    { proxy: 'http://anna:secret@proxy.example:3128' },
    'proxy is "http://***@proxy.example:3128", but must be an address without user and password; write user:password into a file of its own and name that in proxyCredentialsFile.',
  ],
  [
    { proxyCredentialsFile: '/etc/proxy' },
    'proxyCredentialsFile belongs to proxy, which is missing; set that too, or remove this one.',
  ],
  [{ audit: 'auto' }, 'audit is "auto", but must be an object: {…}.'],
  [{ audit: { own: 'always' } }, 'audit.own is "always", but must be auto or never.'],
  [
    { agentId: '1' },
    'agentId is "1", but must be a GUID such as 5f8d9e0c-3c1b-4a6e-9f27-0d2b6c1a7e43.',
  ],
  [
    { redactionPatterns: ['a', '(b'] },
    'redactionPatterns is a list, but must be a list of regular expressions only: number 2 is none (Unterminated group).',
  ],
  [
    { disabledEvents: ['Login', 'ProcesCreate'] },
    'disabledEvents is a list, but must be a list of event names only: "ProcesCreate" is none; perhaps ProcessCreate was meant.',
  ],
  [{ disabledEvents: 'Login' }, 'disabledEvents is "Login", but must be a list of event names.'],
  [
    { remoteConfigurationObjectName: 'latest_state' },
    'remoteConfigurationObjectName is "latest_state", but must be another name than this one, which the reported properties use for something else.',
  ],
  [
    { identity: { mode: 'ddps' } },
    'identity.mode is "ddps", but must be module, device, dps or edge.',
  ],
  [
    { identity: { mode: 'dps', keyFile: '/k', dps: 1 } },
    'identity.dps is 1, but must be an object: {…}.',
  ],
  [{ identity: 'me' }, 'identity is "me", but must be an object: {…}.'],
  [
    { identity: { ...identity, hostName: 'https://hub' } },
    'identity.hostName is "https://hub", but must be a host name without scheme or port, such as myhub.azure-devices.net.',
  ],
  [
    { identity: { ...identity, connectionStringFile: '/x' } },
    'identity.keyFile stands beside identity.connectionStringFile, which holds a key too; remove one of them.',
  ],
])('%j is refused with a sentence that names file, key and remedy', (document, message) => {
  expect(messagesOf({ identity, ...document })).toEqual([`${file}: ${message}`]);
});

test('every identity key that is missing is named', () => {
  for (const document of [{}, { identity: {} }]) {
    expect(messagesOf(document).map((message) => message.split(';')[0])).toEqual([
      `${file}: identity.hostName is missing`,
      `${file}: identity.deviceId is missing`,
      `${file}: identity.keyFile is missing`,
    ]);
  }
});

test.each<[string, Record<string, JsonValue>]>([
  ['module, certificate', { hostName: 'h', deviceId: 'd', certificateFile: '/c' }],
  [
    'module, certificate with its key and password apart',
    {
      hostName: 'h',
      deviceId: 'd',
      certificateFile: '/c',
      privateKeyFile: '/k',
      privateKeyPasswordFile: '/p',
    },
  ],
  ['module, x509=true', { connectionStringFile: '/c', certificateFile: '/d', moduleId: 'm' }],
  [
    'device, key',
    { mode: 'device', hostName: 'h', deviceId: 'd', keyFile: '/k', restEndpoint: 'r:1' },
  ],
  ['device, connection string', { mode: 'device', connectionStringFile: '/c' }],
  ['device, certificate', { mode: 'device', hostName: 'h', deviceId: 'd', certificateFile: '/c' }],
  ['dps, key', { mode: 'dps', keyFile: '/k', dps: { idScope: '0ne1', registrationId: 'r' } }],
  [
    'dps, certificate',
    {
      mode: 'dps',
      certificateFile: '/k',
      gatewayHostName: 'g:1',
      dps: { idScope: '0ne1', registrationId: 'r', endpoint: 'localhost:1', register: true },
    },
  ],
  ['edge', { mode: 'edge' }],
  ['edge with sockets', { mode: 'edge', edge: { identitySocket: '/i', keySocket: '/k' } }],
])('%s is a way to be somebody', (_, written) => {
  expect(settingsOf({ identity: written }).identity).toMatchObject(written);
});

test.each<[Record<string, JsonValue>, readonly string[]]>([
  [
    { ...identity, certificateFile: '/c' },
    [
      'keyFile stands beside identity.certificateFile, but one of them is the proof; remove the other',
    ],
  ],
  [
    { ...identity, privateKeyFile: '/c' },
    [
      'privateKeyFile belongs to identity.certificateFile, which is missing; set that too, or remove this one',
    ],
  ],
  [
    { ...identity, dps: { idScope: 'x' }, edge: { keySocket: '/k' }, restEndpoint: 'h' },
    [
      'dps.idScope is for identity.mode dps, but the mode is module; remove it or change identity.mode',
      'edge.keySocket is for identity.mode edge, but the mode is module; remove it or change identity.mode',
      'restEndpoint is for identity.mode device or dps, but the mode is module; remove it or change identity.mode',
    ],
  ],
  [
    { mode: 'dps' },
    [
      'dps.idScope is missing; set it to the ID scope of the provisioning service',
      'dps.registrationId is missing; set it to the registration id of this device',
      'keyFile is missing; set it to the file that holds the key, or set identity.certificateFile',
    ],
  ],
  [
    { mode: 'dps', dps: { idScope: '0ne1', registrationId: 'r' }, ...identity },
    [
      'hostName contradicts identity.mode dps, where the provisioning service says that; remove it, or set identity.mode to module or device',
      'deviceId contradicts identity.mode dps, where the provisioning service says that; remove it, or set identity.mode to module or device',
    ],
  ],
  [
    { mode: 'edge', keyFile: '/k' },
    [
      'keyFile contradicts identity.mode edge, where the Identity Service of IoT Edge says that; remove it, or set identity.mode to module, device or dps',
    ],
  ],
])('%j is not one way to be somebody', (written, says) => {
  const told = messagesOf({ identity: written }).map((message) =>
    message.slice(file.length + ': identity.'.length, -1),
  );
  expect(told.sort()).toEqual([...says].sort());
});

test('a misspelt key is not also called missing', () => {
  const { hostName, ...others } = identity;
  expect(messagesOf({ identity: { ...others, hostname: hostName } })).toHaveLength(1);
});

test('all problems are told at once', () => {
  const document = { logLevl: 1, keepAlive: 'PT0S', audit: { own: 1 }, identity: { mode: 'dps' } };
  expect(messagesOf(document)).toHaveLength(6);
});

test('every key is refused when its value is an object in a list', () => {
  for (const key of Object.keys(localSettings)) {
    const document = key
      .split('.')
      .reduceRight<JsonValue>((inner, name) => ({ [name]: inner }), [{ a: 1 }]);
    expect(
      messagesOf({
        ...(key.startsWith('identity') ? {} : { identity }),
        ...(document as object),
      })[0],
    ).toContain(`${file}: ${key} is a list, but must be`);
  }
});

test.each(['gw+7', 'LightSensor#1', '#', '+'])(
  'the id %s, which no topic of MQTT can carry, is refused with the reason',
  (id) => {
    for (const name of ['deviceId', 'moduleId']) {
      expect(messagesOf({ identity: { ...identity, [name]: id } })).toEqual([
        `${file}: identity.${name} is "${id}", but must be an id without + and #, because the transport (MQTT) cannot carry + and # in topics, so that no message would ever arrive; register the device or module under an id without them.`,
      ]);
    }
  },
);

test.each([
  ['two dots', 'hub..example'],
  ['a label with a hyphen at its end', 'hub-.example'],
  ['a label of 64 letters', `${'a'.repeat(64)}.example`],
  ['a dot at its end', 'hub.example.'],
  ['a port', 'hub.example:8883'],
  ['a scheme', 'https://hub.example'],
])('a host name with %s is refused', (_, hostName) => {
  expect(messagesOf({ identity: { ...identity, hostName } })).toEqual([
    expect.stringContaining('but must be a host name without scheme or port'),
  ]);
});

test('a key of the hub is shown nowhere, wherever it was pasted', () => {
  const key = Buffer.alloc(32, 0xa7).toString('base64');
  const text = `HostName=h;SharedAccessKey=${key}`;
  for (const secret of [key, text]) {
    for (const document of [
      JSON.stringify(secret),
      { identity: secret },
      { [secret]: 1 },
      { logLevel: secret },
      { identity: { mode: secret } },
      { identity: { mode: 'module', keyFile: secret } },
    ]) {
      const messages = messagesOf(document).join();
      expect(messages).toContain('***');
      expect(messages).not.toContain(key.slice(0, 8));
    }
  }
});
