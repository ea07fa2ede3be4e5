import type { AddressInfo } from 'node:net';
import { createServer, type Server, type TlsOptions } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ModuleCredentials } from '../../../agent/identity/credentials/credentials.js';
import {
  Authority,
  lifetime,
  selfSigned,
  type IssuedCertificate,
} from '../../../local-hub/hub/certificates.js';
import { Bench, LinkProbe } from '../../support/hub-wire.js';
import { plainMessage } from '../../support/plain-message.js';

const commonName = 'device-1/azureiotsecurity';
let authority: Authority;
let middle: Authority;
let signed: IssuedCertificate;
let own: IssuedCertificate;
let bench: Bench;
let probes: LinkProbe[];

beforeAll(async () => {
  authority = await Authority.create('Fleet Root');
  middle = await authority.createIntermediate('Fleet Line 7');
  signed = await middle.issue({ commonName });
  own = await selfSigned({ commonName: 'whatever', keyKind: 'rsa' });
});

beforeEach(async () => {
  bench = await new Bench().start();
  probes = [];
});

afterEach(async () => {
  await Promise.all(probes.map(({ link }) => link.stop()));
  await bench.end();
});

const byThumbprint = ({ sha1Thumbprint }: IssuedCertificate) =>
  ({
    type: 'selfSigned',
    primaryThumbprint: 'A'.repeat(40),
    secondaryThumbprint: sha1Thumbprint,
  }) as const;
const byAuthority = { type: 'certificateAuthority' } as const;

function credentialsOf(
  registration: Parameters<Bench['credentials']>[0],
  certificate: IssuedCertificate,
): ModuleCredentials {
  const { certificatePem, privateKeyPem, validToMs } = certificate;
  const proof = { kind: 'certificate', certificatePem, privateKeyPem, validToMs } as const;
  return { ...bench.credentials(registration), proof };
}

function started(credentials: () => ModuleCredentials): LinkProbe {
  const made = new LinkProbe(() => Promise.resolve(credentials()));
  probes.push(made);
  made.link.start();
  return made;
}

const refusal = async (made: LinkProbe): Promise<string> => {
  await made.until('the refusal', () => made.link.state.name === 'waiting');
  const { state } = made.link;
  if (state.name !== 'waiting') throw new Error(state.name);
  expect(state.failure.kind).toBe('authorisation');
  return state.failure.message;
};

describe('a module with a certificate', () => {
  it.each([
    ['which the hub knows by its thumbprint', () => own, byThumbprint],
    ['of an authority that the hub knows, over another', () => signed, () => byAuthority],
  ])('%s connects, has its twin, reports and sends', async (_, certificate, authentication) => {
    const registration = bench.hub.registerModule(
      'device-1',
      'azureiotsecurity',
      authentication(certificate()),
    );
    bench.hub.registry.addAuthority(authority.certificatePem);
    const made = started(() => credentialsOf(registration, certificate()));
    await made.until('the twin', () => made.twins.length === 1);
    await made.link.report({ agentStatus: { agentVersion: '1' } });
    await made.link.send(plainMessage(1));
    expect(bench.hub.messages).toHaveLength(1);
    expect(bench.hub.readTwin('device-1').reported).toMatchObject({
      agentStatus: { agentVersion: '1' },
    });
  });

  it('is accepted where the hub takes no keys of modules, and one with a key is told of it', async () => {
    bench.hub.registry.setModuleSasDisabled(true);
    const made = started(() =>
      credentialsOf(
        bench.hub.registerModule('device-1', 'azureiotsecurity', byThumbprint(own)),
        own,
      ),
    );
    await made.until('the twin', () => made.twins.length === 1);
    await made.link.send(plainMessage(1));
    const withKey = bench.credentials(bench.hub.registerModule('device-2'));
    expect(await refusal(started(() => withKey))).toMatch(
      /disableModuleSAS\).* give the module a certificate \[Authentication \/ Unauthorized\]\.$/,
    );
  });

  it('takes up a new certificate at the next connect', async () => {
    const registration = bench.hub.registerModule(
      'device-1',
      'azureiotsecurity',
      byThumbprint(own),
    );
    let shown = own;
    const made = started(() => credentialsOf(registration, shown));
    await made.until('the twin', () => made.twins.length === 1);
    shown = await selfSigned({ commonName });
    bench.hub.registerModule('device-1', 'azureiotsecurity', byThumbprint(shown));
    bench.hub.dropConnections();
    await made.until('the second twin', () => made.twins.length === 2);
    await made.link.send(plainMessage(1));
  });

  it('that is another one than the hub knows is told by what it can be compared with', async () => {
    const registration = bench.hub.registerModule(
      'device-1',
      'azureiotsecurity',
      byThumbprint(own),
    );
    const says = await refusal(started(() => credentialsOf(registration, signed)));
    expect(says).toContain('refused the certificate of device-1/azureiotsecurity');
    expect(says).toContain(`common name ${commonName}, signed by Fleet Line 7`);
    expect(says).toContain(`thumbprint ${signed.sha1Thumbprint} by SHA-1`);
    expect(says).toContain(`${signed.sha256Thumbprint} by SHA-256`);
    expect(says).toContain('[Authentication / Unauthorized]');
    expect(says).not.toContain(signed.privateKeyPem.slice(40, 60));
  });

  it('that has expired by the clock of the hub alone is refused by the hub', async () => {
    const late = await selfSigned({ commonName, validity: lifetime(-0.5) });
    const registration = bench.hub.registerModule(
      'device-1',
      'azureiotsecurity',
      byThumbprint(late),
    );
    expect(await refusal(started(() => credentialsOf(registration, late)))).toContain(
      'signed by itself',
    );
  });
});

describe('a server that ends the handshake over the certificate', () => {
  let server: Server;
  const listening = async (options: TlsOptions): Promise<ModuleCredentials> => {
    const { certificatePem, privateKeyPem } = await authority.issueServer(
      [{ type: 'dns', value: 'localhost' }],
      lifetime(1),
    );
    server = createServer({
      cert: certificatePem,
      key: privateKeyPem,
      requestCert: true,
      rejectUnauthorized: true,
      ...options,
    });
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
      hostName: 'hub.example',
      gatewayHostName: `localhost:${(server.address() as AddressInfo).port}`,
      deviceId: 'device-1',
      moduleId: 'azureiotsecurity',
      trustedCaPem: authority.certificatePem,
      proof: { kind: 'key', sharedAccessKey: 'c2VjcmV0LXNlY3JldC1zZWNyZXQ=' },
    };
  };
  afterEach(() => new Promise<void>((resolve) => void server.close(() => resolve())));

  it('where none was shown, it says that one is asked for', async () => {
    const credentials = await listening({ ca: authority.certificatePem });
    expect(await refusal(started(() => credentials))).toContain(
      'asks for a certificate of the client',
    );
  });
});
