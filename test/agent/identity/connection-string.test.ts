import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  isBase64,
  parseConnectionString,
} from '../../../agent/identity/credentials/connection-string.js';

const key = 'c2VjcmV0LXNlY3JldC1zZWNyZXQ=';
const good = {
  HostName: 'hub.azure-devices.net',
  DeviceId: 'device-1',
  ModuleId: 'azureiotsecurity',
  SharedAccessKey: key,
};
const text = (parts: Record<string, string>): string =>
  Object.entries(parts)
    .map(([name, value]) => `${name}=${value}`)
    .join(';');

test('parts may stand in any order, with names in any case', () => {
  const parts = Object.entries({ ...good, GatewayHostName: 'localhost:18883' });
  const order = fc.shuffledSubarray(parts, { minLength: parts.length });
  fc.assert(
    fc.property(
      order,
      fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }),
      (shuffled, upper) => {
        const anyCase = (name: string): string =>
          Array.from(name, (letter, at) =>
            upper[at] ? letter.toUpperCase() : letter.toLowerCase(),
          ).join('');
        const written = Object.fromEntries(shuffled.map(([name, value]) => [anyCase(name), value]));
        expect(parseConnectionString(text(written))).toEqual({
          hostName: good.HostName,
          deviceId: good.DeviceId,
          moduleId: good.ModuleId,
          sharedAccessKey: key,
          gatewayHostName: 'localhost:18883',
        });
      },
    ),
  );
});

test('blanks around parts, an ending semicolon and unknown parts do not matter', () => {
  expect(
    parseConnectionString(` ${text({ ...good, Extra: '1' }).replaceAll(';', ' ; ')};`),
  ).toEqual({
    hostName: good.HostName,
    deviceId: good.DeviceId,
    moduleId: good.ModuleId,
    sharedAccessKey: key,
  });
});

test.each(Array.from("-._%*?!(),:=@$'"))('an id may hold %s, which MQTT carries', (character) => {
  const DeviceId = `a${character}b`;
  expect(parseConnectionString(text({ ...good, DeviceId }))).toMatchObject({ deviceId: DeviceId });
});

test('it may say that a certificate is the proof', () => {
  const { SharedAccessKey, ...others } = good;
  expect(SharedAccessKey).toBe(key);
  expect(parseConnectionString(text({ ...others, X509: 'True' }))).toEqual({
    hostName: good.HostName,
    deviceId: good.DeviceId,
    moduleId: good.ModuleId,
    sharedAccessKey: undefined,
  });
});

const ofDevice = { HostName: 'hub.example', DeviceId: 'device-1', SharedAccessKey: key };

test.each([
  ['nothing', '', 'has no HostName'],
  ['a bare key', key, 'has no HostName'],
  ['prose', 'my secret', 'part 1 has no name'],
  ['a device', text(ofDevice), 'connection string of the device, for it has no ModuleId'],
  [
    'a hub policy',
    text({ HostName: 'h', SharedAccessKeyName: 'iothubowner', SharedAccessKey: key }),
    'must not be on one',
  ],
  ['a key and X.509', text({ ...good, x509: 'true' }), 'holds a key and says x509=true'],
  ['neither', text({ ...good, SharedAccessKey: '', x509: 'false' }), 'has no SharedAccessKey'],
  ['no key', text({ ...good, SharedAccessKey: '' }), 'has no SharedAccessKey'],
  [
    'a torn key',
    text({ ...good, SharedAccessKey: key.slice(0, -1) }),
    'SharedAccessKey that is not base64',
  ],
  [
    'a key that was cut to less base64',
    text({ ...good, SharedAccessKey: key.slice(0, 20) }),
    'SharedAccessKey of fewer than 16 bytes',
  ],
  ['somebody who quotes', `"${text(good)}"`, 'remove the quotes'],
  ['somebody who quotes in part', `${text(good)}”`, 'remove the quotes'],
  [
    'a URL for a host',
    text({ ...good, HostName: 'https://hub' }),
    'a HostName that is not a host name',
  ],
  [
    'a bad device id',
    text({ ...good, DeviceId: 'a b' }),
    'a DeviceId that is not an id of IoT Hub',
  ],
  [
    'an id with a wildcard of MQTT',
    text({ ...good, DeviceId: 'gw+7' }),
    'a DeviceId that is not an id without + and #, because the transport (MQTT) cannot carry + and # in topics',
  ],
  [
    'the other wildcard of MQTT',
    text({ ...good, ModuleId: 'LightSensor#1' }),
    'a ModuleId that is not an id without + and #',
  ],
  ['a bad gateway', text({ ...good, GatewayHostName: 'x:65536' }), 'a GatewayHostName that is not'],
  ['a part twice', `${text(good)};hostname=other`, 'names the same thing twice, in part 5'],
])('the connection string of %s is refused with what is wrong', (_name, written, says) => {
  expect(parseConnectionString(written)).toEqual({
    fault: expect.stringContaining(says) as unknown,
  });
});

test('a fault never shows the secret', () => {
  const piece = fc.constantFrom(
    'HostName=h',
    'DeviceId=d',
    'ModuleId=m',
    'SharedAccessKey=TOPSECRET',
    'TOPSECRET',
    '=TOPSECRET',
    'SharedAccessKeyName=TOPSECRET',
    'x509=TOPSECRET',
    '',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const result = parseConnectionString(pieces.join(';'));
      expect(JSON.stringify('fault' in result ? result : '')).not.toContain('TOPSECRET');
    }),
    { numRuns: 500 },
  );
});

test('base64 is what Buffer writes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
      const written = Buffer.from(bytes).toString('base64');
      expect(isBase64(written)).toBe(true);
      expect(isBase64(`${written}=`)).toBe(false);
      expect(isBase64(written.replace(/.$/, ' '))).toBe(false);
    }),
  );
  expect(isBase64('')).toBe(false);
});
