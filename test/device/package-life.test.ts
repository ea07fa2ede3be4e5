import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { version } from '../../base/version.js';
import { InstalledDevice, unit } from '../support/device/installed-device.js';
import { isRuntime, packages, type Packages } from '../support/device/packages.js';

const newer = '99.0.0';
let current: Packages;
let next: Packages;

beforeAll(async () => {
  current = await packages();
  next = await packages({ version: newer });
});

describe.each(['bookworm', 'trixie'] as const)('the package on %s', (suite) => {
  let device: InstalledDevice;
  let before: readonly string[];

  beforeAll(async () => {
    device = await InstalledDevice.boot({ suite });
    before = device.files();
  });
  afterAll(() => device.close());

  it('installs in one step, asks nothing, and waits for a credential', async () => {
    const output = await device.install(current);
    expect(output).toContain('run "iot-security-agent enroll" as root');
    expect(await device.version()).toBe(`installed ${version}`);
    expect(await device.container.execute('iot-security-agent', '--version')).toContain(version);
    // Skipped, not failed: nothing for a monitor to complain about, and nothing tried again and again.
    expect(await device.properties('ActiveState', 'UnitFileState', 'NRestarts')).toEqual({
      ActiveState: 'inactive',
      UnitFileState: 'enabled',
      NRestarts: '0',
    });
    expect(await device.log()).toContain('iot-security-agent enroll');
  });

  it('runs with a credential, as its own user', async () => {
    await device.enroll();
    await device.until('ActiveState', 'active');
    await device.reported(version);
    const { MainPID } = await device.properties('MainPID');
    const owner = await device.container.execute('ps', '-o', 'user:32=', '-p', MainPID ?? '');
    expect(owner.trim()).toBe('iot-security-agent');
  });

  it('keeps its state and configuration when it is upgraded, and runs the new version', async () => {
    await device.container.execute('touch', '/var/lib/iot-security-agent/kept');
    const { MainPID } = await device.properties('MainPID');
    await device.install(next);
    expect(await device.version()).toBe(`installed ${newer}`);
    await device.until('ActiveState', 'active');
    expect((await device.properties('MainPID'))['MainPID']).not.toBe(MainPID);
    await device.reported(newer);
    await device.container.execute('test', '-e', '/var/lib/iot-security-agent/kept');
  });

  it('goes back to an older version over the state of a newer one', async () => {
    await device.install(current, '--allow-downgrades');
    expect(await device.version()).toBe(`installed ${version}`);
    await device.until('ActiveState', 'active');
    await device.reported(version);
    await device.container.execute('test', '-e', '/var/lib/iot-security-agent/kept');
  });

  it('runs after it was installed a second time', async () => {
    await device.install(current, '--reinstall');
    await device.until('ActiveState', 'active');
  });

  it('restarts once when only its runtime is replaced', async () => {
    const { MainPID } = await device.properties('MainPID');
    const runtime = current.files.filter(isRuntime);
    const only = { ...current, files: runtime };
    await device.install(only, '--reinstall');
    await device.until('ActiveState', 'active');
    expect((await device.properties('MainPID'))['MainPID']).not.toBe(MainPID);
  });

  it('stays disabled over an upgrade when somebody disabled it', async () => {
    await device.container.execute('systemctl', 'disable', '--now', unit);
    await device.install(next);
    expect(await device.properties('ActiveState', 'UnitFileState')).toEqual({
      ActiveState: 'inactive',
      UnitFileState: 'disabled',
    });
    await device.container.execute('systemctl', 'enable', '--now', unit);
  });

  it('stops when it is removed, and keeps state and configuration for the next installation', async () => {
    await device.until('ActiveState', 'active');
    expect(await device.apt('remove', 'iot-security-agent')).toMatchObject({ code: 0 });
    const running = await device.container.attempt('pgrep', '-u', 'iot-security-agent');
    expect(running).toEqual({ code: 1, output: '' });
    const units = ['list-units', '--no-legend', 'iot-security-agent*'];
    expect(await device.container.execute('systemctl', ...units)).toBe('');
    expect(device.ownDirectories()).toContain('/etc/iot-security-agent');
    await device.install(next);
    await device.until('ActiveState', 'active');
    await device.container.execute('test', '-e', '/var/lib/iot-security-agent/kept');
  });

  it('leaves nothing on disk when it is purged', async () => {
    const names = ['iot-security-agent', 'iot-security-agent-node'];
    expect(await device.apt('purge', ...names)).toMatchObject({ code: 0 });
    expect(device.ownDirectories()).toEqual([]);
    const left = device.files().filter((path) => !before.includes(path));
    expect(left).toEqual([]);
    for (const database of ['passwd', 'group']) {
      const entry = await device.container.attempt('getent', database, 'iot-security-agent');
      expect(entry.code).not.toBe(0);
    }
    const run = await device.container.attempt('ls', '/run/iot-security-agent');
    expect(run.code).not.toBe(0);
    const state = await device.container.attempt('systemctl', 'is-failed', unit);
    expect(state.output.trim()).toBe('inactive');
  });
});
