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

function messagesOf(document: JsonValue | string): readonly string[] {
  const text = typeof document === 'string' ? document : JSON.stringify(document);
  const result = parseLocalSettings(text, file);
  if ('settings' in result) throw new Error('no problem was found');
  return result.problems.map(({ message }) => message);
}

test('the identity alone is enough; all else has its default, nested as in the file', () => {
  expect(settingsOf({ identity })).toEqual({
    identity: { mode: 'module', ...identity },
    transport: 'mqtt',
    remoteConfigurationObjectName: 'ms_iotn:urn_azureiot_Security_SecurityAgentConfiguration',
    audit: { own: 'auto', receiveBufferBytes: 8_388_608 },
    processSource: 'auto',
    processPollingInterval: { text: 'PT1S', ms: 1000 },
    connectionSource: 'auto',
    loginSource: 'auto',
    reportLoopbackConnections: true,
    executableHashBytesPerSecond: 16_777_216,
    maxCommandLineBytes: 8192,
    redactionPatterns: [],
    aggregatedCategory: 'Triggered',
    aggregationMaxEntries: 4096,
    aggregationMaxBytes: 2_097_152,
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
  expect(settings.identity).toEqual({ mode: 'module', connectionStringFile: '/etc/module' });
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
  [{ transport: 'amqp' }, 'transport is "amqp", but must be mqtt.'],
  [
    { transport: 'mqtt-websocket' },
    'transport is "mqtt-websocket", which is not supported yet; use mqtt.',
  ],
  [{ proxy: 'http://x' }, 'proxy is not supported yet; remove it.'],
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
    { identity: { ...identity, mode: 'dps' } },
    'identity.mode is "dps", which is not supported yet; use module.',
  ],
  [{ identity: { ...identity, dps: {} } }, 'identity.dps is not supported yet; remove it.'],
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

test('a misspelt key is not also called missing', () => {
  const { hostName, ...others } = identity;
  expect(messagesOf({ identity: { ...others, hostname: hostName } })).toHaveLength(1);
});

test('all problems are told at once', () => {
  const document = { logLevl: 1, keepAlive: 'PT0S', audit: { own: 1 }, identity: { mode: 'dps' } };
  expect(messagesOf(document)).toHaveLength(7);
});

test('every key is refused when its value is an object in a list', () => {
  for (const key of Object.keys(localSettings)) {
    const [first = '', second] = key.split('.');
    const wrong = [{ a: 1 }];
    const inner =
      second === undefined ? wrong : { ...(first === 'identity' ? identity : {}), [second]: wrong };
    expect(messagesOf({ identity, [first]: inner })[0]).toContain(
      `${file}: ${key} is a list, but must be`,
    );
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
