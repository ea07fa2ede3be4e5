import { describe, expect, it } from 'vitest';
import { Registry } from '../../../../agent/identity/services/registry.js';
import { ServiceError } from '../../../../agent/identity/services/service-error.js';
import { checkToken } from '../../../../local-hub/hub/sas.js';
import { httpsService, type Scripted } from '../../../support/https-service.js';

const nowMs = Date.UTC(2026, 10, 28);
const key = Buffer.alloc(32, 'device').toString('base64');
const [primaryKey, secondaryKey] = ['one', 'two'].map((text) =>
  Buffer.alloc(32, text).toString('base64'),
) as [string, string];
const question = {
  hostName: 'hub.example',
  deviceId: 'a%b/c:d',
  moduleId: 'azureiotsecurity',
  proof: { kind: 'key', sharedAccessKey: key },
} as const;

const module = (authentication: unknown) => ({
  body: { deviceId: question.deviceId, moduleId: question.moduleId, authentication },
});
const withKeys = module({ type: 'sas', symmetricKey: { primaryKey, secondaryKey } });
const registry = () => new Registry(() => nowMs);

async function failureOf(answer: Scripted): Promise<ServiceError> {
  const { service } = await httpsService(() => answer);
  const error: unknown = await registry()
    .readKeys(service, question)
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ServiceError);
  const failure = error as ServiceError;
  for (const secret of [key, primaryKey, secondaryKey, 'SharedAccessSignature', 'TELLTALE']) {
    expect(failure.message).not.toContain(secret);
  }
  expect(failure.message).toMatch(
    /^Could not read the module azureiotsecurity from the registry at localhost:\d+: .*\.$/,
  );
  return failure;
}

describe('the registry of the hub', () => {
  it('is asked for the encoded ids with a token of the device for ten minutes', async () => {
    const { service, asked } = await httpsService(() => withKeys);
    expect(await registry().readKeys(service, question)).toEqual([primaryKey, secondaryKey]);
    expect(asked).toMatchObject([
      {
        method: 'GET',
        path: '/devices/a%25b%2Fc%3Ad/modules/azureiotsecurity?api-version=2021-04-12',
        body: '',
      },
    ]);
    const verdict = checkToken(asked[0]?.headers.authorization ?? '', {
      resource: 'hub.example/devices/a%b/c:d',
      keys: [key],
      nowMs,
    });
    expect(verdict).toEqual({ expiresAtMs: nowMs + 600_000 });
  });

  it('that takes a token for the whole hub alone gets that one from then on', async () => {
    const { service, asked } = await httpsService(({ headers }) =>
      headers.authorization?.includes('sr=hub.example&') === true ? withKeys : { status: 401 },
    );
    const one = registry();
    await one.readKeys(service, question);
    await one.readKeys(service, question);
    expect(asked).toHaveLength(3);
  });

  it('that refuses both tells so with the address whose clock is to be compared', async () => {
    const failure = await failureOf({ status: 401, body: 'TELLTALE' });
    expect(failure.kind).toBe('authorisation');
    expect(failure.message).toContain('refused the key of the device; check that identity.keyFile');
    expect(failure.message).toContain('[Authentication / Unauthorized]');
    expect(failure.asked?.hostName).toMatch(/^localhost:\d+$/);
  });

  it.each([
    [404, 'ModuleNotFound', 'the device a%b/c:d has no module azureiotsecurity; add a module'],
    [404, 'DeviceNotFound', 'the hub hub.example has no device a%b/c:d; check identity.deviceId'],
    [404, 'TELLTALE', 'has no device a%b/c:d, or the device no module azureiotsecurity'],
    [403, 'DeviceDisabled', 'the device a%b/c:d is disabled in the hub; enable it'],
  ])('that answers %i with %s is told as what it is', async (status, code, said) => {
    const failure = await failureOf({ status, body: { Message: `ErrorCode:${code};TELLTALE` } });
    expect(failure.kind).toBe('authorisation');
    expect(failure.message).toContain(said);
  });

  it.each([
    [429, 'throttled', 'asks for fewer requests (429)'],
    [503, 'unavailable', 'has trouble (503)'],
    [302, 'protocol', 'answered 302; check identity.restEndpoint'],
  ])('that answers %i is left alone for as long as it wants', async (status, kind, said) => {
    const failure = await failureOf({ status, headers: { 'retry-after': '9' } });
    expect(failure.kind).toBe(kind);
    expect(failure.message).toContain(said);
    if (kind !== 'protocol') expect(failure.retryAfterMs).toBe(9_000);
  });

  it.each([
    ['selfSigned', 'the module proves itself with a certificate'],
    ['certificateAuthority', 'the module proves itself with a certificate'],
    ['none', 'the module has no way to prove itself'],
    ['sas', 'the hub gave no key'],
  ])('that has no key for a module of type %s says what to change', async (type, said) => {
    const symmetricKey = { primaryKey: null, secondaryKey: null };
    expect((await failureOf(module({ type, symmetricKey }))).message).toContain(said);
  });

  it.each([
    [''],
    ['TELLTALE'],
    ['[]'],
    [{ moduleId: 'other', deviceId: question.deviceId }],
    [{ moduleId: question.moduleId }],
  ])('whose answer is %j is not believed', async (body) => {
    const failure = await failureOf({ body });
    expect(failure.kind).toBe('protocol');
    expect(failure.message).toContain('the answer is not the module');
  });

  it('gives the one key that is one', async () => {
    const keys = { primaryKey: 'no base64!', secondaryKey };
    const { service } = await httpsService(() => module({ type: 'sas', symmetricKey: keys }));
    expect(await registry().readKeys(service, question)).toEqual([secondaryKey]);
  });
});
