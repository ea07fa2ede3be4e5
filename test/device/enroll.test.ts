import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readStatusDocument } from '../../agent/status/document.js';
import { checkoutBinds, installCheckout } from '../support/device/checkout.js';
import { Container, writeInto } from '../support/device/container.js';
import { deviceId, Fixture } from '../support/running-agent.js';

const repository = join(import.meta.dirname, '..', '..');
const directory = '/etc/iot-security-agent';
const program = 'iot-security-agent';

let fixture: Fixture;
let container: Container;

beforeAll(async () => {
  fixture = new Fixture();
  await fixture.startHub();
  fixture.configure();
  const module = fixture.hub.registerModule(deviceId);
  container = await Container.boot({
    binds: checkoutBinds,
    prepare: (root) => {
      installCheckout(root);
      const settings = {
        trustedCaFile: `${directory}/ca.pem`,
        audit: { own: 'never' },
        processSource: 'polling',
        connectionSource: 'polling',
      };
      writeInto(root, `${directory}/agent.json`, JSON.stringify(settings));
      copyFileSync(fixture.hub.caFile, join(root, directory, 'ca.pem'));
      writeInto(
        root,
        '/root/connection-string',
        `HostName=${module.hubName};DeviceId=${deviceId};ModuleId=${module.moduleId};SharedAccessKey=${module.primaryKey};GatewayHostName=${module.gatewayHostName}\n`,
        0o600,
      );
    },
  });
});

afterAll(async () => {
  await container.stop();
  await fixture.close();
});

/** The state of the connection, or why there is none to tell. */
async function connection(): Promise<string> {
  const answer = await container.execute('/bin/sh', '-c', `${program} status --json 2>&1; true`);
  return answer.startsWith('{') ? readStatusDocument(answer).connection.state : answer;
}

describe('enroll', () => {
  it('writes the configuration and has systemd start the service, which then answers', async () => {
    const said = await container.execute(
      program,
      'enroll',
      '--connection-string-file',
      '/root/connection-string',
    );
    expect(said).toContain('Tried: the hub took it, and the module twin can be read.');
    expect(said).toMatch(/iot-security-agent\.service is being started/);
    expect(
      await container.execute(
        'stat',
        '--format=%a %U:%G',
        `${directory}/module.connection`,
        `${directory}/agent.json`,
      ),
    ).toBe('600 root:root\n640 root:iot-security-agent\n');
    await expect.poll(connection, { timeout: 60_000, interval: 1_000 }).toBe('connected');
  });

  it('starts it again when it runs already', async () => {
    const pid = (): Promise<string> =>
      container.execute('systemctl', 'show', 'iot-security-agent.service', '-p', 'MainPID');
    const before = await pid();
    await container.execute(
      program,
      'enroll',
      '--connection-string-file',
      '/root/connection-string',
    );
    await expect
      .poll(pid, { timeout: 60_000, interval: 500 })
      .not.toMatch(new RegExp(`^(MainPID=0|${before.trim()})$`, 'm'));
    await expect.poll(connection, { timeout: 60_000, interval: 1_000 }).toBe('connected');
  });
});

describe('doctor', () => {
  it('sees the unit, the agent and the way to the hub', async () => {
    const text = await container.execute('/bin/sh', '-c', `${program} doctor; true`);
    expect(text).toMatch(/ok {7}.*iot-security-agent\.service is active \(running\)/);
    expect(text).toMatch(/ok {7}.*the certificate of localhost is trusted/);
    expect(text).toMatch(/ {2}(ok|mend) +the agent runs \(pid \d+, /);
  });

  it('tells a unit that failed, with the command that shows why', async () => {
    await container.execute('systemctl', 'stop', 'iot-security-agent.service');
    const text = await container.execute('/bin/sh', '-c', `${program} doctor; true`);
    expect(text).toMatch(/mend.*iot-security-agent\.service is inactive.*journalctl -u/);
  });
});

describe('the manual page', () => {
  it('is clean', () => {
    const page = join(repository, 'systemd', 'iot-security-agent.8');
    const warnings = execFileSync(
      '/bin/sh',
      ['-c', 'LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l "$0" 2>&1 >/dev/null', page],
      { encoding: 'utf8' },
    );
    expect(warnings).toBe('');
  });
});
