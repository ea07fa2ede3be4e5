import { describe, expect, it } from 'vitest';
import type { Given } from '../../../agent/enroll/given.js';
import { readGiven } from '../../../agent/enroll/identity-given.js';

const key = Buffer.from('a very secret key').toString('base64');
const pem = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n';
const host = { hostName: 'hub.example', deviceId: 'device-1' };
const dps = { idScope: '0ne1', registrationId: 'reg-1' };

function read(given: Given) {
  const found = readGiven(given);
  if ('missing' in found) return found;
  const secrets = found.secrets.map(({ content, key: setting, name }) => [
    setting.replace('identity.', ''),
    name,
    Buffer.from(content).toString(),
  ]);
  return { identity: found.identity, secrets };
}

describe('what is given to say who the device is', () => {
  it.each<[string, Given, string]>([
    [
      'a connection string of a module',
      { secret: `HostName=h;DeviceId=d;ModuleId=m;SharedAccessKey=${key}` },
      'module',
    ],
    ['one of a device', { secret: `HostName=h;DeviceId=d;SharedAccessKey=${key}` }, 'device'],
    ['a key with a scope', { secret: key, ...dps }, 'dps'],
    ['a key of a group', { secret: key, isGroupKey: true, ...dps }, 'dps'],
    ['a key with its mode', { secret: key, mode: 'device', ...host }, 'device'],
    ['a certificate', { certificate: Buffer.from(pem), ...host }, 'module'],
    ['a certificate with a scope', { certificate: Buffer.from(pem), ...dps }, 'dps'],
    ['PEM on the input', { secret: pem, ...host }, 'module'],
    ['IoT Edge', { mode: 'edge' }, 'edge'],
  ])('%s is recognised', (_, given, mode) => {
    expect(read(given)).toMatchObject({ identity: { 'identity.mode': mode } });
  });

  it('is written under the names that the unit hands over', () => {
    expect(read({ secret: key, mode: 'device', ...host })).toEqual({
      identity: {
        'identity.mode': 'device',
        'identity.hostName': 'hub.example',
        'identity.deviceId': 'device-1',
      },
      secrets: [['keyFile', 'device.key', `${key}\n`]],
    });
    const pfx = Buffer.from([0x30, 0x82, 1, 0]);
    const password = Buffer.from('secret');
    expect(read({ certificate: pfx, password, ...host })).toMatchObject({
      secrets: [
        ['certificateFile', 'certificate.pfx', pfx.toString()],
        ['privateKeyPasswordFile', 'certificate.password', 'secret'],
      ],
    });
  });

  it('may say once more what the connection string says', () => {
    const secret = `HostName=Hub.example;DeviceId=device-1;ModuleId=m;SharedAccessKey=${key}`;
    expect(read({ secret, ...host, moduleId: 'm' })).toHaveProperty('secrets.length', 1);
    const device = `HostName=h;DeviceId=d;SharedAccessKey=${key}`;
    expect(read({ secret: device, moduleId: 'mine' })).toMatchObject({
      identity: { 'identity.mode': 'device', 'identity.moduleId': 'mine' },
    });
  });

  it('of an enrolment group is the key of this device alone, as the service derives it', () => {
    // The published example of the provisioning service.
    const group =
      '8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==';
    const registrationId = 'sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6';
    const derived = 'Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=';
    const found = read({ secret: group, isGroupKey: true, idScope: '0ne1', registrationId });
    expect(found).toMatchObject({ secrets: [['keyFile', 'enrollment.key', `${derived}\n`]] });
    expect(JSON.stringify(found)).not.toContain(group);
  });

  it.each<[string, Given, string]>([
    ['nothing', {}, 'secret'],
    ['a key and no device', { secret: key, mode: 'module', hostName: 'h' }, 'deviceId'],
    ['a scope and a key', { secret: key, idScope: '0ne1' }, 'registrationId'],
    ['a certificate alone', { certificate: Buffer.from(pem) }, 'hostName'],
    ['x509=true', { secret: 'HostName=h;DeviceId=d;ModuleId=m;x509=true' }, 'certificate'],
  ])('%s is asked for what is missing', (_, given, missing) => {
    expect(readGiven(given)).toEqual({ missing });
  });

  it.each<[string, Given, RegExp]>([
    ['a key without whose it is', { secret: key }, /does not say whose it is/],
    ['half of a key', { secret: 'AAAA', ...dps }, /some is missing/],
    [
      'a key and a certificate',
      { secret: key, certificate: Buffer.from(pem), ...host },
      /one of them is the proof/,
    ],
    [
      'a string of another mode',
      { secret: `HostName=h;DeviceId=d;SharedAccessKey=${key}`, mode: 'dps' },
      /--mode is dps/,
    ],
    [
      'a string of a device for a module',
      { secret: `HostName=h;DeviceId=d;SharedAccessKey=${key}`, mode: 'module' },
      /the connection string of the device/,
    ],
    [
      'a string of another device than is said',
      { secret: `HostName=h;DeviceId=d;ModuleId=m;SharedAccessKey=${key}`, deviceId: 'other' },
      /says d, but --device-id something else/,
    ],
    [
      'a string beside a scope',
      { secret: `HostName=h;DeviceId=d;ModuleId=m;SharedAccessKey=${key}`, ...dps },
      /no use for --id-scope, --registration-id/,
    ],
    [
      'the key of a group for a module, where it would be kept',
      { secret: key, isGroupKey: true, mode: 'module', ...host },
      /no use for --group-key-file/,
    ],
    [
      'a private key beside a symmetric one',
      { secret: key, mode: 'module', privateKey: Buffer.from('x'), ...host },
      /no use for --private-key-file/,
    ],
    ['a hub beside IoT Edge', { mode: 'edge', hostName: 'h' }, /no use for --host-name/],
    [
      'registering a module',
      { secret: key, mode: 'device', register: true, ...host },
      /--register/,
    ],
    ['a secret beside IoT Edge', { secret: key, mode: 'edge' }, /there is no secret/],
  ])('%s is refused, without the secret', (_, given, sentence) => {
    expect(() => readGiven(given)).toThrow(sentence);
    expect(() => readGiven(given)).not.toThrow(key.slice(0, 10));
  });
});
