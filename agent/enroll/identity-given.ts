import type { JsonValue } from '../../base/json.js';
import { printable } from '../../base/text.js';
import type { LocalKey } from '../../config/local-settings.js';
import {
  isBase64,
  isCutShort,
  parseConnectionString,
  parseDeviceConnectionString,
} from '../identity/credentials/connection-string.js';
import { deriveDeviceKey } from '../identity/services/sas-token.js';
import { type Secret, secretNames } from './configuration.js';
import {
  type Given,
  type GivenIdentity,
  type GivenName,
  givenNames,
  type Missing,
  optionOfName,
} from './given.js';
import { unusable } from './settings-file.js';
import { refuseUnused } from './unused-options.js';

/** Recognises what was given. @returns what is missing, one thing at a time @throws CommandError */
export function readGiven(given: Given): GivenIdentity | { readonly missing: Missing } {
  const read = recognise(given);
  if (!('missing' in read)) refuseUnused(given, read);
  return read;
}

function recognise(given: Given): GivenIdentity | { readonly missing: Missing } {
  const text = given.secret?.replace(/^\uFEFF/, '').trim() ?? '';
  if (given.mode === 'edge') {
    if (text !== '' || given.certificate !== undefined)
      throw unusable('With IoT Edge there is no secret to be given: its services sign');
    return {
      identity: { 'identity.mode': 'edge', ...named(given, ['moduleId']) },
      secrets: [],
      namesGateway: false,
    };
  }
  if (text.startsWith('-----BEGIN ') && given.certificate === undefined)
    return recognise({ ...given, secret: '', certificate: Buffer.from(`${text}\n`) });
  if (text === '') {
    if (given.certificate === undefined) return { missing: 'secret' };
    return fromProof(given, modeOf(given) ?? 'module', certificates(given, given.certificate));
  }
  const line = unquoted(text.split('\n', 1)[0] ?? '');
  if (isBase64(line) && !line.includes(';')) return fromKey(given, line);
  return fromConnectionString(given, line);
}

function fromConnectionString(given: Given, line: string): ReturnType<typeof recognise> {
  const isModule = /(^|;)\s*ModuleId\s*=/i.test(line) || given.mode === 'module';
  const isDevice = !isModule && /(^|;)\s*DeviceId\s*=/i.test(line);
  const parsed = isDevice ? parseDeviceConnectionString(line) : parseConnectionString(line);
  if ('fault' in parsed) throw unusable(`The input ${parsed.fault}`);
  if (given.mode !== undefined && given.mode !== (isDevice ? 'device' : 'module')) {
    throw unusable(
      `The input is the connection string of a ${isDevice ? 'device' : 'module'}, but --mode is ${given.mode}; leave --mode out, or give what belongs to it`,
    );
  }
  const said = { ...parsed, ...(isDevice && { moduleId: given.moduleId }) };
  const other = (['hostName', 'deviceId', 'moduleId'] as const).find(
    (name) => given[name] !== undefined && !isSame(given[name], said[name]),
  );
  if (other !== undefined) {
    throw unusable(
      `The connection string says ${printable(said[other], 80)}, but --${optionOfName[other]} something else; leave that out, or give the string that belongs to it`,
    );
  }
  const isX509 = parsed.sharedAccessKey === undefined;
  if (isX509 && given.certificate === undefined) return { missing: 'certificate' };
  const proof = given.certificate === undefined ? [] : certificates(given, given.certificate);
  return {
    identity: {
      'identity.mode': isDevice ? 'device' : 'module',
      ...named(given, isDevice ? ['moduleId'] : []),
    },
    secrets: [
      {
        key: 'identity.connectionStringFile',
        name: isDevice ? secretNames.deviceConnection : secretNames.moduleConnection,
        content: `${line}\n`,
      },
      ...proof,
    ],
    namesGateway: parsed.gatewayHostName !== undefined,
  };
}

/** Names of hubs, and ids typed beside a string, are not told apart by their case here: the string counts. */
function isSame(one: string, other: string | undefined): boolean {
  return one.trim().toLowerCase() === other?.trim().toLowerCase();
}

const keyNames = {
  module: secretNames.moduleKey,
  device: secretNames.deviceKey,
  dps: secretNames.enrollmentKey,
} as const;

function fromKey(given: Given, line: string): ReturnType<typeof recognise> {
  if (isCutShort(line))
    throw unusable('The input is a key of which some is missing; copy it again');
  if (given.certificate !== undefined)
    throw unusable(
      'Both a key and a certificate were given, but one of them is the proof; leave one out',
    );
  const mode = modeOf(given);
  if (mode === undefined)
    throw unusable(
      'The input is a key, which does not say whose it is: add --mode module or device with --host-name and --device-id, or --id-scope and --registration-id',
    );
  if (mode !== 'dps' || given.isGroupKey !== true || given.registrationId === undefined)
    return fromProof(given, mode, [keyOf(mode, line)]);
  return fromProof(given, mode, [keyOf(mode, deriveDeviceKey(line, given.registrationId))]);
}

function keyOf(mode: keyof typeof keyNames, content: string): Secret {
  return { key: 'identity.keyFile', name: keyNames[mode], content: `${content}\n` };
}

function modeOf({ idScope, isGroupKey, mode, registrationId }: Given) {
  if (mode === 'module' || mode === 'device' || mode === 'dps') return mode;
  return idScope !== undefined || registrationId !== undefined || isGroupKey === true
    ? 'dps'
    : undefined;
}

/** Who it is has to be said beside the proof. */
function fromProof(
  given: Given,
  mode: 'module' | 'device' | 'dps',
  secrets: readonly Secret[],
): ReturnType<typeof recognise> {
  const needed =
    mode === 'dps' ? (['idScope', 'registrationId'] as const) : (['hostName', 'deviceId'] as const);
  const missing = needed.find((name) => (given[name] ?? '') === '');
  if (missing !== undefined) return { missing };
  return {
    identity: {
      'identity.mode': mode,
      ...named(given, givenNames),
      ...(mode === 'dps' && given.register === true && { 'identity.dps.register': true }),
    },
    secrets,
    namesGateway: false,
  };
}

function certificates(given: Given, certificate: Buffer): readonly Secret[] {
  const isPem = certificate.toString('latin1').includes('-----BEGIN ');
  return [
    {
      key: 'identity.certificateFile',
      name: isPem ? secretNames.certificate : secretNames.pkcs12,
      content: certificate,
    },
    ...(given.privateKey === undefined
      ? []
      : [
          {
            key: 'identity.privateKeyFile' as const,
            name: secretNames.privateKey,
            content: given.privateKey,
          },
        ]),
    ...(given.password === undefined
      ? []
      : [
          {
            key: 'identity.privateKeyPasswordFile' as const,
            name: secretNames.password,
            content: given.password,
          },
        ]),
  ];
}

const settingOf: Readonly<Record<GivenName, LocalKey>> = {
  hostName: 'identity.hostName',
  deviceId: 'identity.deviceId',
  moduleId: 'identity.moduleId',
  idScope: 'identity.dps.idScope',
  registrationId: 'identity.dps.registrationId',
};

function named(given: Given, names: readonly GivenName[]): Partial<Record<LocalKey, JsonValue>> {
  const members = names.flatMap((name) => {
    const value = given[name];
    return value === undefined ? [] : [[settingOf[name], value.trim()] as const];
  });
  return Object.fromEntries(members);
}

/** A line without the quotes in which it may have been copied. */
function unquoted(line: string): string {
  return line
    .trim()
    .replace(/^(["'])(.*)\1$/, '$2')
    .trim();
}
