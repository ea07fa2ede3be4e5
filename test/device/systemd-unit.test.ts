import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReceivedMessage } from '../../local-hub/local-hub.js';
import { desired, deviceId, Fixture, quick, startsOf } from '../support/running-agent.js';
import { Container, writeInto } from './support/container.js';

const repository = join(import.meta.dirname, '..', '..');
const unit = 'iot-security-agent.service';

/** What the harness asks the host's kernel to record, because a container may read audit but not control it. */
const hostRule = ['-F', 'arch=b64', '-S', 'execve', '-F', 'success=1', '-k', 'unit-test'];

let fixture: Fixture;
let container: Container;

beforeAll(async () => {
  fixture = new Fixture();
  await fixture.startHub();
  fixture.configure();
  fixture.hub.patchDesired(deviceId, desired(quick));
  const module = fixture.hub.registerModule(deviceId);
  execFileSync('auditctl', ['-e', '1']);
  execFileSync('auditctl', ['-a', 'always,exit', ...hostRule]);
  container = await Container.boot({
    binds: { [repository]: '/opt/iot-security-agent', [process.execPath]: '/usr/bin/node' },
    prepare: (root) => {
      for (const file of readdirSync(join(repository, 'systemd'))) {
        if (!/\.(service|socket)$/.test(file)) continue;
        writeInto(
          root,
          `/etc/systemd/system/${file}`,
          readFileSync(join(repository, 'systemd', file), 'utf8'),
        );
      }
      const bundle = '/opt/iot-security-agent/dist/iot-security-agent.cjs';
      symlinkSync(bundle, join(root, '/usr/bin/iot-security-agent'));
      writeInto(root, '/etc/sysusers.d/agent.conf', 'u iot-security-agent - "Security agent"\n');
      const directory = '/etc/iot-security-agent';
      writeInto(root, '/etc/hosts', '127.0.0.1 localhost\n');
      writeInto(root, `${directory}/module.key`, module.primaryKey, 0o600);
      copyFileSync(fixture.hub.caFile, join(root, directory, 'ca.pem'));
      const config = {
        identity: {
          hostName: module.hubName,
          deviceId,
          gatewayHostName: module.gatewayHostName,
          keyFile: `${directory}/module.key`,
        },
        trustedCaFile: `${directory}/ca.pem`,
        // A container may not set audit rules; those of the host count here.
        processSource: 'audit',
      };
      writeInto(root, `${directory}/agent.json`, JSON.stringify(config));
    },
  });
});

afterAll(async () => {
  await container.stop();
  execFileSync('auditctl', ['-d', 'always,exit', ...hostRule]);
  execFileSync('auditctl', ['-e', '0']);
  await fixture.close();
});

const seen = (mark: string) => (messages: readonly ReceivedMessage[]) =>
  [...startsOf(messages).keys()].some((line) => line.endsWith(mark));

describe('the systemd unit', () => {
  it('runs the build of a checkout, on the audit socket that systemd hands over', async () => {
    await container.execute('systemctl', 'start', unit);
    await fixture.hub.awaitTwin(
      deviceId,
      (twin) => JSON.stringify(twin.reported).includes('"audit-multicast"'),
      20_000,
    );
    await container.execute('/bin/echo', 'mark-in-the-unit');
    const messages = await fixture.hub.awaitMessages(seen('mark-in-the-unit'), 20_000);
    expect(messages.flatMap(({ problems }) => problems)).toEqual([]);
    const log = await container.execute('journalctl', '-u', unit, '-o', 'cat');
    expect(log).toContain('ready');
  });

  it('keeps what happens between a crash and the restart', async () => {
    await container.execute('systemctl', 'kill', '--signal=KILL', unit);
    await container.execute('/bin/echo', 'mark-after-the-crash');
    await fixture.hub.awaitMessages(seen('mark-after-the-crash'), 30_000);
    expect(await container.execute('systemctl', 'show', unit, '-p', 'NRestarts')).toContain('=1');
  });

  it('stops in order, and says so with its exit code', async () => {
    await container.execute('systemctl', 'stop', unit);
    await container.execute('/bin/echo', 'nothing-starts-it-again');
    const state = await container.execute(
      'systemctl',
      'show',
      unit,
      '-p',
      'Result,ExecMainStatus,ActiveState',
    );
    expect(state).toContain('Result=success');
    expect(state).toContain('ExecMainStatus=0');
    expect(state).toContain('ActiveState=inactive');
  });

  it('is not restarted over a configuration that a person has to mend', async () => {
    await container.execute('mv', '/etc/iot-security-agent/agent.json', '/root/agent.json');
    await container.execute('systemctl', 'start', unit).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const state = await container.execute(
      'systemctl',
      'show',
      unit,
      '-p',
      'ActiveState,ExecMainStatus',
    );
    expect(state).toContain('ActiveState=failed');
    expect(state).toContain('ExecMainStatus=78');
    const log = await container.execute('journalctl', '-u', unit, '-o', 'cat', '-n', '20');
    expect(log).toContain('/etc/iot-security-agent/agent.json');
  });
});
