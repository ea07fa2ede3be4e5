import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ReceivedMessage } from '../../local-hub/hub/local-hub.js';
import { checkoutBinds, installCheckout } from '../support/device/checkout.js';
import { Container, writeInto } from '../support/device/container.js';
import { desired, deviceId, eventsOf, Fixture, quick } from '../support/running-agent.js';

const unit = 'iot-security-agent.service';
const etc = '/etc/iot-security-agent';
const name = `isa${process.pid}`.slice(0, 15);

let fixture: Fixture;
let container: Container;

beforeAll(async () => {
  fixture = new Fixture();
  await fixture.startHub();
  fixture.configure();
  fixture.hub.patchDesired(deviceId, desired(quick));
  const module = fixture.hub.registerModule(deviceId);
  container = await Container.boot({
    audit: false,
    binds: checkoutBinds,
    prepare: (root) => {
      installCheckout(root);
      writeInto(root, `${etc}/module.key`, module.primaryKey, 0o600);
      copyFileSync(fixture.hub.caFile, join(root, etc, 'ca.pem'));
      const identity = {
        hostName: module.hubName,
        deviceId,
        gatewayHostName: module.gatewayHostName,
        keyFile: `${etc}/module.key`,
      };
      const config = { identity, trustedCaFile: `${etc}/ca.pem` };
      writeInto(root, `${etc}/agent.json`, JSON.stringify(config));
    },
  });
});

afterAll(async () => {
  await container.stop();
  await fixture.close();
});

/** The latest whole list of an event. */
const latest = (messages: readonly ReceivedMessage[], event: string) =>
  eventsOf(messages)
    .filter(({ Name }) => Name === event)
    .at(-1)?.Payload ?? [];

it('the packaged unit tells of a new device within seconds, on the socket that systemd hands over', async () => {
  await container.execute('systemctl', 'start', unit);
  await fixture.hub.awaitMessages(
    (messages) => latest(messages, 'ConnectedHardware').length > 0,
    40_000,
  );
  const pid = (
    await container.execute('systemctl', 'show', unit, '-p', 'MainPID', '--value')
  ).trim();
  const environment = await container.execute('cat', `/proc/${pid}/environ`);
  expect(environment).toMatch(/LISTEN_FDNAMES=\S*\buevents\b/u);

  execFileSync('ip', ['link', 'add', name, 'type', 'bridge']);
  try {
    const messages = await fixture.hub.awaitMessages(
      (received) =>
        latest(received, 'ConnectedHardware').some(({ HardwareName }) => HardwareName === name),
      20_000,
    );
    expect(messages.flatMap(({ problems }) => problems)).toEqual([]);
  } finally {
    execFileSync('ip', ['link', 'delete', name]);
  }
});

it('the packaged unit reads what only root may read of users, and no hash of theirs leaves it', async () => {
  await container.execute('useradd', '-m', '-s', '/bin/sh', '-G', 'adm', 'anna');
  const secret = '$6$marked$0123456789abcdefghijklmnopqrstuvwxyz';
  await container.execute('usermod', '-p', secret, 'anna');
  await container.execute('systemctl', 'restart', unit);
  const messages = await fixture.hub.awaitMessages(
    (received) => latest(received, 'LocalUsers').some(({ UserName }) => UserName === 'anna'),
    40_000,
  );
  const anna = latest(messages, 'LocalUsers').find(({ UserName }) => UserName === 'anna');
  expect(anna?.['GroupNames']).toBe('anna;adm');
  expect(anna?.ExtraDetails).toMatchObject({ Password: 'set', PasswordAlgorithm: 'SHA-512' });
  expect(JSON.stringify(messages)).not.toContain('marked');
});
