import type { ErrorCode } from '../contract/error-code.js';
import type { LocalKey } from './local-settings.js';

/** A key of `identity`, dotted, without its head. */
export type IdentityKey = LocalKey extends infer K
  ? K extends `identity.${infer Name}`
    ? Name
    : never
  : never;

type Mode = 'module' | 'device' | 'dps' | 'edge';

/** One way to say who the agent is and to prove it: a set of keys of `identity` that belong together. */
export interface IdentityWay {
  readonly mode: Mode;
  readonly needs: readonly IdentityKey[];
  /** What may be there as well; every other key contradicts it. */
  readonly takes: readonly IdentityKey[];
}

const keyOfCertificate = ['privateKeyFile', 'privateKeyPasswordFile'] as const;

/** A connection string says who it is; otherwise `who` is needed. The last way is meant where nothing tells. */
function withSecret(
  mode: Mode,
  who: readonly IdentityKey[],
  takes: readonly IdentityKey[],
): readonly IdentityWay[] {
  return [
    { mode, needs: [...who, 'certificateFile'], takes: [...keyOfCertificate, ...takes] },
    { mode, needs: [...who, 'keyFile'], takes },
  ];
}

function withConnectionString(mode: Mode, takes: readonly IdentityKey[]): readonly IdentityWay[] {
  const all: readonly IdentityKey[] = ['hostName', 'deviceId', ...takes];
  return [
    {
      mode,
      needs: ['connectionStringFile', 'certificateFile'],
      takes: [...keyOfCertificate, ...all],
    },
    { mode, needs: ['connectionStringFile'], takes: all },
  ];
}

const dialled = ['moduleId', 'gatewayHostName'] as const;
const asked = [...dialled, 'restEndpoint'] as const;

/** All ways; of those of one mode the first counts whose proof (see `proofKeys`) is written, else the last. */
export const identityWays: readonly IdentityWay[] = [
  ...withConnectionString('module', dialled),
  ...withSecret('module', ['hostName', 'deviceId'], dialled),
  ...withConnectionString('device', asked),
  ...withSecret('device', ['hostName', 'deviceId'], asked),
  ...withSecret(
    'dps',
    ['dps.idScope', 'dps.registrationId'],
    [...asked, 'dps.endpoint', 'dps.register'],
  ),
  { mode: 'edge', needs: [], takes: [...dialled, 'edge.identitySocket', 'edge.keySocket'] },
];

/** The keys that name a proof. */
const proofKeys: readonly IdentityKey[] = ['connectionStringFile', 'certificateFile', 'keyFile'];

interface Fault {
  readonly key: IdentityKey;
  /** Completes "identity.<key> …". */
  readonly says: string;
  readonly code: ErrorCode;
}

/**
 * What is missing from `identity`, and what contradicts the rest of it.
 * @param written the keys that stand there, rightly or not
 */
export function identityFaults(mode: string, written: ReadonlySet<IdentityKey>): readonly Fault[] {
  const ways = identityWays.filter((way) => way.mode === mode);
  const proofOf = ({ needs }: IdentityWay): readonly IdentityKey[] =>
    proofKeys.filter((key) => needs.includes(key));
  const way = ways.find((one) => proofOf(one).every((key) => written.has(key))) ?? ways.at(-1);
  if (way === undefined) return [];
  const missing = way.needs.filter((key) => !written.has(key));
  const odd = [...written].filter((key) => !way.needs.includes(key) && !way.takes.includes(key));
  return [
    ...missing.map((key) => ({
      key,
      says: `is missing; ${remedyOf(key, ways)}`,
      code: 'Local Configuration / Missing Configuration' as const,
    })),
    ...odd.map((key) => ({
      key,
      says: contradiction(key, way),
      code: 'Local Configuration / Other' as const,
    })),
  ];
}

function remedyOf(key: IdentityKey, ways: readonly IdentityWay[]): string {
  if (key !== 'keyFile') return remedies[key] ?? 'set it';
  const others = proofKeys.filter((proof) => ways.some(({ needs }) => needs.includes(proof)));
  const names = others.filter((proof) => proof !== key).map((proof) => `identity.${proof}`);
  return `set it to the file that holds the key, or set ${names.join(' or ')}`;
}

const remedies: Partial<Record<IdentityKey, string>> = {
  hostName: 'set it to the name of the IoT Hub, such as myhub.azure-devices.net',
  deviceId: 'set it to the id under which the hub knows this device',
  'dps.idScope': 'set it to the ID scope of the provisioning service',
  'dps.registrationId': 'set it to the registration id of this device',
};

function contradiction(key: IdentityKey, { mode, needs }: IdentityWay): string {
  const other = identityWays.filter((way) => [...way.needs, ...way.takes].includes(key));
  const modes = [...new Set(other.map((way) => way.mode))];
  if (!modes.includes(mode)) {
    return mode === 'edge' || mode === 'dps'
      ? `contradicts identity.mode ${mode}, where ${teller[mode]} says that; remove it, or set identity.mode to ${either(modes)}`
      : `is for identity.mode ${either(modes)}, but the mode is ${mode}; remove it or change identity.mode`;
  }
  if (key === 'keyFile' && !needs.includes('certificateFile')) {
    return 'stands beside identity.connectionStringFile, which holds a key too; remove one of them';
  }
  if (key === 'keyFile') {
    return 'stands beside identity.certificateFile, but one of them is the proof; remove the other';
  }
  return 'belongs to identity.certificateFile, which is missing; set that too, or remove this one';
}

function either(names: readonly string[]): string {
  return names.join(', ').replace(/, ([^,]*)$/, ' or $1');
}

const teller = {
  dps: 'the provisioning service',
  edge: 'the Identity Service of IoT Edge',
} as const;

/** Keys that say something about another one, which then must be there. */
export const companions = { proxyCredentialsFile: 'proxy' } as const satisfies Partial<
  Record<LocalKey, LocalKey>
>;
