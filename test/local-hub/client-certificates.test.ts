import type { IClientOptions } from 'mqtt';
import { describe, expect, it } from 'vitest';
import { Authority, selfSigned, type IssuedCertificate } from '../../local-hub/hub/certificates.js';
import type { Authentication, LocalHub } from '../../local-hub/hub/local-hub.js';
import {
  connectOptions,
  minutesFromNow,
  RawClient,
  startHub,
  temporaryDirectory,
} from '../support/hub-fixture.js';
import { sasToken } from '../support/sas-token.js';

const id = 'device-1/azureiotsecurity';
const address = { deviceId: 'device-1', moduleId: 'azureiotsecurity' };
const byAuthority: Authentication = { type: 'certificateAuthority' };
const byThumbprint = (primaryThumbprint: string, secondaryThumbprint = ''): Authentication => ({
  type: 'selfSigned',
  primaryThumbprint,
  secondaryThumbprint,
});
const dayMs = 86_400_000;
const daysFromNow = (days: number): Date => new Date(Date.now() + days * dayMs);

/** Connects without a password and with this certificate. */
function showing(
  hub: LocalHub,
  shown: IssuedCertificate | undefined,
  overrides: IClientOptions = {},
): ReturnType<typeof RawClient.connect> {
  const options = connectOptions(hub, hub.registerModule('device-1'), {
    password: '',
    ...(shown && { cert: shown.certificatePem, key: shown.privateKeyPem }),
    ...overrides,
  });
  return RawClient.connect(options);
}

/** What the hub said over the refusal, which has to be one. */
async function refusalOf(hub: LocalHub, connecting: () => Promise<unknown>): Promise<string> {
  const told = new Promise<string>((resolve) => {
    const stop = hub.onConnection(({ kind, reason }) => {
      if (kind !== 'refused') return;
      stop();
      resolve(reason);
    });
  });
  await expect(connecting()).rejects.toMatchObject({ code: 5 });
  return told;
}

describe('a module that is known by a thumbprint', () => {
  it.each([
    ['SHA-1', 'primary', 'sha1Thumbprint'],
    ['SHA-256', 'primary', 'sha256Thumbprint'],
    ['SHA-1', 'secondary', 'sha1Thumbprint'],
    ['SHA-256', 'secondary', 'sha256Thumbprint'],
  ] as const)('by %s, %s, connects with its certificate', async (_, place, thumbprint) => {
    const hub = await startHub();
    const shown = await selfSigned({ commonName: 'anything' });
    const known = shown[thumbprint].toLowerCase();
    hub.registerModule(
      'device-1',
      'azureiotsecurity',
      place === 'primary' ? byThumbprint(known) : byThumbprint('A'.repeat(40), known),
    );
    await expect(showing(hub, shown)).resolves.toBeDefined();
    expect(hub.isConnected('device-1')).toBe(true);
  });

  it('is refused with another certificate, with none, with an expired one and before it is valid', async () => {
    const hub = await startHub();
    const shown = await selfSigned({ commonName: id });
    const other = await selfSigned({ commonName: id });
    const register = (certificate: IssuedCertificate): unknown =>
      hub.registerModule(
        'device-1',
        'azureiotsecurity',
        byThumbprint(certificate.sha256Thumbprint),
      );
    register(shown);
    expect(await refusalOf(hub, () => showing(hub, other))).toMatch(/neither the primary nor/);
    expect(await refusalOf(hub, () => showing(hub, undefined))).toMatch(/showed neither/);
    for (const [notBefore, notAfter] of [
      [daysFromNow(-3), daysFromNow(-1)],
      [daysFromNow(1), daysFromNow(3)],
    ] as const) {
      const untimely = await selfSigned({ commonName: id, validity: { notBefore, notAfter } });
      register(untimely);
      expect(await refusalOf(hub, () => showing(hub, untimely))).toMatch(/its certificate holds/);
    }
  });

  it('is refused with a token that its keys would have signed', async () => {
    const hub = await startHub();
    const shown = await selfSigned({ commonName: id, keyKind: 'rsa' });
    const module = hub.registerModule(
      'device-1',
      'azureiotsecurity',
      byThumbprint(shown.sha1Thumbprint),
    );
    expect(module.connectionString).toContain(';x509=true;');
    expect(module.connectionString).not.toContain(module.primaryKey);
    const { password = '' } = connectOptions(hub, module);
    for (const certificate of [undefined, shown]) {
      const connecting = () => showing(hub, certificate, { password });
      expect(await refusalOf(hub, connecting)).toMatch(/not with keys, and gave a token/);
    }
  });

  it('is dropped when its thumbprints are rolled, and connects with the new certificate only', async () => {
    const hub = await startHub();
    const [first, second] = [
      await selfSigned({ commonName: id }),
      await selfSigned({ commonName: id }),
    ];
    hub.registerModule('device-1', 'azureiotsecurity', byThumbprint(first.sha256Thumbprint));
    const { client } = await showing(hub, first);
    hub.registry.setAuthentication(address, byThumbprint(second.sha256Thumbprint));
    await client.closed;
    await refusalOf(hub, () => showing(hub, first));
    await expect(showing(hub, second)).resolves.toBeDefined();
  });
});

describe('a module that is known by an authority', () => {
  it('connects with a certificate of it, also over an intermediate one and after a restart', async () => {
    const directory = temporaryDirectory();
    const hub = await startHub(directory);
    const authority = await Authority.create('the fleet');
    const plant = await authority.createIntermediate('the plant');
    hub.registry.addAuthority(authority.certificatePem);
    hub.registerModule('device-1', 'azureiotsecurity', byAuthority);
    const below = await plant.issue({ commonName: id });
    for (const shown of [
      await authority.issue({ commonName: id }),
      await authority.issue({ commonName: id, keyKind: 'rsa' }),
      below,
    ]) {
      await expect(showing(hub, shown)).resolves.toBeDefined();
    }
    await hub.stop();
    await expect(showing(await startHub(directory), below)).resolves.toBeDefined();
  });

  it('connects when the intermediate authority alone is registered', async () => {
    const hub = await startHub();
    const authority = await Authority.create('the fleet');
    const plant = await authority.createIntermediate('the plant');
    hub.registry.addAuthority(plant.certificatePem);
    hub.registerModule('device-1', 'azureiotsecurity', byAuthority);
    await expect(showing(hub, await plant.issue({ commonName: id }))).resolves.toBeDefined();
    const beside = await authority.issue({ commonName: id });
    expect(await refusalOf(hub, () => showing(hub, beside))).toMatch(/no registered authority/);
  });

  it.each([
    ['another authority', /no registered authority/, 'stranger', { commonName: id }],
    ['itself', /no registered authority/, 'self', { commonName: id }],
    [
      'it for another module',
      /made out to 'device-1\/other'/,
      'own',
      { commonName: 'device-1/other' },
    ],
    ['it for the device', /made out to 'device-1'/, 'own', { commonName: 'device-1' }],
    ['it in other letters', /made out to 'Device-1/, 'own', { commonName: `D${id.slice(1)}` }],
    [
      'it that has expired',
      /its certificate holds/,
      'own',
      { commonName: id, validity: { notBefore: daysFromNow(-3), notAfter: daysFromNow(-1) } },
    ],
  ] as const)('is refused with a certificate of %s', async (_, sentence, issuer, request) => {
    const hub = await startHub();
    // The other authority bears the same name, so that its key alone tells it apart.
    const [own, stranger] = [await Authority.create('CA'), await Authority.create('CA')];
    hub.registry.addAuthority(own.certificatePem);
    hub.registerModule('device-1', 'azureiotsecurity', byAuthority);
    const issuers = { own, stranger, self: { issue: selfSigned } };
    const shown = await issuers[issuer].issue(request);
    expect(await refusalOf(hub, () => showing(hub, shown))).toMatch(sentence);
  });

  it('is refused without the intermediate certificate, and once the authority is removed', async () => {
    const hub = await startHub();
    const authority = await Authority.create('the fleet');
    hub.registry.addAuthority(authority.certificatePem);
    hub.registerModule('device-1', 'azureiotsecurity', byAuthority);
    const plant = await authority.createIntermediate('the plant');
    const shown = await plant.issue({ commonName: id });
    const [leaf = ''] = shown.certificatePem.split(/(?<=-----END CERTIFICATE-----)/);
    await refusalOf(hub, () => showing(hub, { ...shown, certificatePem: leaf }));
    const { client } = await showing(hub, shown);
    hub.registry.removeAuthority(authority.certificatePem);
    await client.closed;
    expect(await refusalOf(hub, () => showing(hub, shown))).toMatch(/no registered authority/);
  });

  it('is not known by what is no authority', async () => {
    const hub = await startHub();
    const { certificatePem } = await selfSigned({ commonName: id });
    expect(() => hub.registry.addAuthority(certificatePem)).toThrow(/not that of an authority/);
  });
});

describe('a device', () => {
  const asDevice = (
    hub: LocalHub,
    shown: IssuedCertificate,
  ): ReturnType<typeof RawClient.connect> =>
    showing(hub, shown, {
      clientId: 'device-1',
      username: `${hub.hubName}/device-1/?api-version=2021-04-12`,
    });

  it('connects with a certificate that is made out to it, and its module does not', async () => {
    const hub = await startHub();
    const authority = await Authority.create('CA');
    hub.registry.addAuthority(authority.certificatePem);
    hub.registerDevice('device-1', byAuthority);
    hub.registerModule('device-1', 'azureiotsecurity', byAuthority);
    const shown = await authority.issue({ commonName: 'device-1' });
    await expect(asDevice(hub, shown)).resolves.toBeDefined();
    await refusalOf(hub, () => showing(hub, shown));
  });

  it('that is disabled takes its modules with it', async () => {
    const hub = await startHub();
    const shown = await selfSigned({ commonName: id });
    hub.registerModule('device-1', 'azureiotsecurity', byThumbprint(shown.sha256Thumbprint));
    const { client } = await showing(hub, shown);
    hub.setDisabled('device-1', true);
    await client.closed;
    expect(await refusalOf(hub, () => showing(hub, shown))).toMatch(/is disabled/);
  });

  it('that is deleted is unknown, its modules too', async () => {
    const hub = await startHub();
    const options = connectOptions(hub, hub.registerModule('device-1'));
    const { client } = await RawClient.connect(options);
    await hub.registry.remove({ deviceId: 'device-1' });
    await client.closed;
    const sentence = await refusalOf(hub, () => RawClient.connect(options));
    expect(sentence).toBe('device-1/azureiotsecurity is not registered');
  });
});

describe('a module with keys', () => {
  it('connects with its token whatever certificate it shows, and not with the certificate alone', async () => {
    const hub = await startHub();
    const shown = await selfSigned({ commonName: id });
    const { password = '' } = connectOptions(hub, hub.registerModule('device-1'));
    await expect(showing(hub, shown, { password })).resolves.toBeDefined();
    expect(await refusalOf(hub, () => showing(hub, shown))).toMatch(/with keys, not with a cert/);
  });

  it('is dropped and refused when the hub takes no tokens of modules, unlike its device', async () => {
    const hub = await startHub();
    const module = hub.registerModule('device-1');
    const { client } = await RawClient.connect(connectOptions(hub, module));
    hub.registry.setModuleSasDisabled(true);
    await client.closed;
    const connecting = () => RawClient.connect(connectOptions(hub, module));
    expect(await refusalOf(hub, connecting)).toBe('this hub takes no tokens of modules');
    const device = hub.registerDevice('device-1');
    const resource = encodeURIComponent(`${hub.hubName}/devices/device-1`);
    const asDevice = connectOptions(hub, module, {
      clientId: 'device-1',
      username: `${hub.hubName}/device-1/?api-version=2021-04-12`,
      password: sasToken(resource, device.primaryKey, minutesFromNow(5)),
    });
    await expect(RawClient.connect(asDevice)).resolves.toBeDefined();
    hub.registry.setModuleSasDisabled(false);
    await expect(connecting()).resolves.toBeDefined();
  });
});
