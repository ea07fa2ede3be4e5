import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { version } from '../../base/version.js';
import { writeInto } from '../support/device/container.js';
import { configDirectory, InstalledDevice, unit } from '../support/device/installed-device.js';
import { packages, type Packages } from '../support/device/packages.js';
import { deviceId } from '../support/running-agent.js';

const settingsFile = `${configDirectory}/agent.json`;
const secretFile = `${configDirectory}/module.connection`;
const newer = '99.0.0';

let current: Packages;
let next: Packages;

beforeAll(async () => {
  current = await packages();
  next = await packages({ version: newer });
});

describe('an installed agent that was given something wrong', () => {
  let device: InstalledDevice;

  beforeAll(async () => {
    device = await InstalledDevice.boot({ audit: false });
    await device.install(current);
    await device.enroll();
  });
  afterAll(() => device.close());

  /** Starts the unit with a file put aside or replaced, and resolves with what the unit said of it. */
  async function startWith(path: string, text: string | undefined): Promise<string> {
    const { container } = device;
    await container.execute('systemctl', 'stop', unit);
    await container.execute('cp', '-a', path, '/root/aside');
    await container.execute('rm', path);
    if (text !== undefined) {
      writeInto(container.root, path, text, 0o640);
      await container.execute('chown', 'root:iot-security-agent', path);
    }
    await container.execute('journalctl', '--rotate');
    await container.execute('journalctl', '--vacuum-time=1s');
    await container.attempt('systemctl', 'start', unit);
    return device.log();
  }

  async function mend(path: string): Promise<void> {
    await device.container.execute('rm', '-rf', path);
    await device.container.execute('mv', '/root/aside', path);
    await device.container.execute('systemctl', 'start', unit);
    await device.until('ActiveState', 'active');
  }

  const failed = (exitCode: string) => ({
    ActiveState: 'failed',
    ExecMainStatus: exitCode,
    NRestarts: '0',
  });
  const ending = () => device.properties('ActiveState', 'ExecMainStatus', 'NRestarts');

  it('runs on a kernel without audit, and says what it cannot see', async () => {
    await device.until('ActiveState', 'active');
    await device.reported(version);
    const text = await device.container.attempt('iot-security-agent', 'status');
    expect(text.output).toContain('polling');
  });

  it('names a credential that is missing, and is not tried again', async () => {
    // What dpkg asks for when it could not write its own notes either; it may refuse, and then wants the installation.
    await device.container.attempt('dpkg', '--configure', '-a');
    const log = await startWith(secretFile, undefined);
    expect(log).toContain(secretFile);
    await device.until('ActiveState', 'failed');
    expect(await ending()).toEqual(failed('77'));
    await mend(secretFile);
  });

  it('names a credential that cannot be read', async () => {
    await device.container.execute('systemctl', 'stop', unit);
    await device.container.execute('mv', secretFile, '/root/aside');
    await device.container.execute('mkdir', secretFile);
    await device.container.attempt('systemctl', 'start', unit);
    expect(await device.log()).toContain('module.connection');
    await device.container.execute('systemctl', 'stop', unit);
    await mend(secretFile);
  });

  it('keeps collecting with a credential that the hub refuses, and says so', async () => {
    const wrong = Buffer.alloc(32, 7).toString('base64');
    const module = device.fixture.hub.registerModule(deviceId);
    await startWith(
      secretFile,
      `HostName=${module.hubName};DeviceId=${deviceId};ModuleId=${module.moduleId};SharedAccessKey=${wrong};GatewayHostName=${module.gatewayHostName}\n`,
    );
    await device.until('ActiveState', 'active');
    await expect
      .poll(() => device.log(), { timeout: 20_000, interval: 500 })
      .toMatch(/refuse|reject|unauthorized|not authorized/i);
    expect((await device.properties('ActiveState'))['ActiveState']).toBe('active');
    await mend(secretFile);
  });

  it('names a configuration that was written by half', async () => {
    const log = await startWith(settingsFile, '{ "identity": { "hostNa');
    expect(log).toContain(settingsFile);
    await device.until('ActiveState', 'failed');
    expect(await ending()).toEqual(failed('78'));
  });

  it('is upgraded all the same while its configuration is broken', async () => {
    await device.install(next);
    expect(await device.version()).toBe(`installed ${newer}`);
    await mend(settingsFile);
    await device.reported(newer);
  });
});

describe('a disk that fills up during an upgrade', () => {
  let device: InstalledDevice;

  beforeAll(async () => {
    device = await InstalledDevice.boot({ diskMegabytes: 480 });
    await device.install(current);
    await device.enroll();
    await device.until('ActiveState', 'active');
  });
  afterAll(() => device.close());

  // Room for the package manager's own notes but not for the agent; and no room at all.
  it.each(['2M', '0'])('leaves the old version running with %s left', async (left) => {
    const fill =
      'dd if=/dev/zero of=/root/ballast bs=64k 2>/dev/null; truncate -s "-$0" /root/ballast; sync';
    const { container } = device;
    const { MainPID } = await device.properties('MainPID');
    await container.execute('/bin/sh', '-c', fill, left);
    const failure = await device.tryInstall(agentAlone());
    await container.execute('rm', '/root/ballast');
    expect(failure.code).not.toBe(0);
    expect(failure.output).toMatch(/No space left on device|ENOSPC|enough free space/);
    expect(await container.execute('iot-security-agent', '--version')).toContain(version);
    expect(await device.properties('ActiveState')).toEqual({ ActiveState: 'active' });
    expect(MainPID).not.toBe('0');
    // With no room at all, how far the package manager's own notes come depends on what others free meanwhile.
    if (left === '0') return;
    expect(await device.version()).toBe(`installed ${version}`);
    expect(await container.execute('dpkg', '--audit')).toBe('');
  });

  it('is upgraded by a second try when there is room again', async () => {
    // What dpkg asks for when it could not write its own notes either; where they say that the package is to be installed
    // again, which is what follows, it refuses this.
    await device.container.execute('/bin/sh', '-c', 'dpkg --configure -a || true');
    await device.install(agentAlone());
    await device.until('ActiveState', 'active');
    await device.reported(newer);
  });

  const agentAlone = (): Packages => ({
    ...next,
    files: next.files.filter((file) => file.includes(newer)),
  });
});
