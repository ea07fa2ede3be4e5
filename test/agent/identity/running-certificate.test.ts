import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { askStatus } from '../../../agent/status/client.js';
import {
  lifetime,
  selfSigned,
  type IssuedCertificate,
} from '../../../local-hub/hub/certificates.js';
import { ConnectProxy } from '../../../local-hub/services/proxy.js';
import { deviceId, IdentityFixture } from '../../support/running-identity.js';

const commonName = `${deviceId}/azureiotsecurity`;
let fixture: IdentityFixture;
let proxy: ConnectProxy;
let certificate: IssuedCertificate;

const registered = ({ sha1Thumbprint }: IssuedCertificate): void => {
  fixture.hub.registerModule(deviceId, 'azureiotsecurity', {
    type: 'selfSigned',
    primaryThumbprint: sha1Thumbprint,
    secondaryThumbprint: sha1Thumbprint,
  });
};
const written = ({ certificatePem, privateKeyPem }: IssuedCertificate): string =>
  fixture.secret('certificate.pem', certificatePem + privateKeyPem);
const whole = (): Promise<unknown> => askStatus(join(fixture.directory, 'run', 'status.sock'));
const identity = (gatewayHostName: string) => ({
  hostName: fixture.hub.hubName,
  deviceId,
  gatewayHostName,
  certificateFile: written(certificate),
});

beforeEach(async () => {
  fixture = new IdentityFixture();
  await fixture.startHub();
  proxy = await ConnectProxy.start({ credentials: { user: 'anna', password: 'top-secret' } });
  certificate = await selfSigned({ commonName, validity: lifetime(20) });
  registered(certificate);
});

afterEach(async () => {
  await fixture.close();
  await proxy.stop();
});

describe('an agent with a certificate', () => {
  test('sends, tells until when that is valid, and takes up a new one without a restart', async () => {
    fixture.configure({ identity: identity(`localhost:${fixture.hub.port}`) });
    registered(certificate);
    await fixture.startAgent();
    await fixture.messageArrives();
    await fixture.says(/The certificate in \S+certificate\.pem expires in 19 days/);
    expect(await whole()).toMatchObject({
      certificate: { validToUtc: expect.any(String) as unknown },
    });
    const validity = (): unknown =>
      (fixture.hub.readTwin(deviceId).reported['agentStatus'] as { certificate?: unknown })
        .certificate;
    const utc = (ms: number): string => new Date(ms).toISOString().slice(0, 19);
    expect(JSON.stringify(validity())).toContain(utc(certificate.validToMs));
    const next = await selfSigned({ commonName, validity: lifetime(90) });
    written(next);
    // Ends the connection that was made with the old one.
    registered(next);
    await fixture.messageArrives();
    await expect
      .poll(() => JSON.stringify(validity()), { timeout: 20_000 })
      .toContain(utc(next.validToMs));
    fixture.keeps(certificate.privateKeyPem.slice(40, 80), next.privateKeyPem.slice(40, 80));
  });

  test('goes over a WebSocket through a proxy, whose password it keeps to itself', async () => {
    fixture.configure({
      identity: identity(`localhost:${fixture.hub.httpsPort}`),
      transport: 'mqtt-websocket',
      proxy: `http://localhost:${proxy.port}`,
      proxyCredentialsFile: fixture.secret('proxy.credentials', 'anna:wrong-secret'),
    });
    registered(certificate);
    await fixture.startAgent();
    await fixture.says(
      /through the proxy localhost:\d+: it refused the user and password of proxyCredentialsFile \(407\)/,
    );
    expect(proxy.opened).toBe(0);
    fixture.secret('proxy.credentials', 'anna:top-secret');
    await fixture.messageArrives(60_000);
    expect(proxy.opened).toBeGreaterThan(0);
    fixture.keeps('wrong-secret', 'top-secret', Buffer.from('anna:top-secret').toString('base64'));
  });

  test('that has expired starts all the same, and says so', async () => {
    const late = await selfSigned({ commonName, validity: lifetime(-0.5) });
    fixture.configure({ identity: identity(`localhost:${fixture.hub.port}`) });
    registered(certificate);
    written(late);
    await fixture.startAgent();
    await fixture.says(
      /the certificate in \S+ was valid until \S+, and has expired by the clock of the device/,
    );
    expect(await whole()).toMatchObject({
      health: 'degraded',
      problems: expect.arrayContaining([
        expect.objectContaining({ code: 'certificate' }),
      ]) as unknown,
    });
  });
});
