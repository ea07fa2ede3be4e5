import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readStatusDocument } from '../../agent/status/document.js';
import { checkoutBinds, installCheckout } from '../support/device/checkout.js';
import { Container, writeInto } from '../support/device/container.js';
import { cConfiguration, csAuthentication, csGeneral, csInterface } from '../support/old-agents.js';
import { deviceId, Fixture } from '../support/running-agent.js';

const directory = '/etc/iot-security-agent';
const own = 'iot-security-agent.service';
const program = 'iot-security-agent';

let fixture: Fixture;
let container: Container;
let key: string;
let hubName: string;
let connectionString: string;

/** What stands for each old agent: a service of its name, with the files that its installer leaves. */
const stands: Readonly<
  Record<string, () => { unit: string; files: Readonly<Record<string, string>> }>
> = {
  'the C agent': () => ({
    unit: 'ASCIoTAgent.service',
    files: {
      '/var/ASCIoTAgent/LocalConfiguration.json': cConfiguration({
        DeviceId: deviceId,
        HostName: hubName,
      }),
      '/var/ASCIoTAgent/module.key': `${key}\n`,
    },
  }),
  'the C# agent': () => ({
    unit: 'ASCIoTAgent.service',
    files: {
      '/var/ASCIoTAgent/General.config': csGeneral(),
      '/var/ASCIoTAgent/Authentication.config': csAuthentication({
        deviceId,
        gatewayHostname: hubName,
      }),
      '/var/ASCIoTAgent/SecurityIotInterface.config': csInterface(),
      '/var/ASCIoTAgent/module.key': `${key}\n`,
    },
  }),
  'the micro agent': () => ({
    unit: 'defender-iot-micro-agent.service',
    files: { '/etc/defender_iot_micro_agent/connection_string.txt': connectionString },
  }),
  'the micro agent for IoT Edge': () => ({
    unit: 'defender-iot-micro-agent.service',
    files: {},
  }),
  'the micro agent in its place before 4.1.2': () => ({
    unit: 'defender-iot-micro-agent.service',
    files: { '/var/defender_iot_micro_agent/connection_string.txt': connectionString },
  }),
};

beforeAll(async () => {
  fixture = new Fixture();
  await fixture.startHub();
  fixture.configure();
  const module = fixture.hub.registerModule(deviceId);
  key = module.primaryKey;
  hubName = module.hubName;
  connectionString = `HostName=${hubName};DeviceId=${deviceId};ModuleId=${module.moduleId};SharedAccessKey=${key}\n`;
  container = await Container.boot({
    binds: checkoutBinds,
    prepare: (root) => {
      installCheckout(root);
      const settings = {
        trustedCaFile: `${directory}/ca.pem`,
        audit: { own: 'never' },
        processSource: 'polling',
        connectionSource: 'polling',
        identity: { gatewayHostName: module.gatewayHostName },
      };
      writeInto(root, `${directory}/agent.json`, JSON.stringify(settings), 0o640);
      copyFileSync(fixture.hub.caFile, join(root, directory, 'ca.pem'));
    },
  });
});

afterAll(async () => {
  await container.stop();
  await fixture.close();
});

let installed: { unit: string; files: Readonly<Record<string, string>> } | undefined;

async function install(name: string): Promise<string> {
  const made = stands[name]?.();
  if (made === undefined) throw new Error(`no ${name}`);
  installed = made;
  for (const [path, text] of Object.entries(made.files))
    writeInto(container.root, path, text, 0o600);
  const unit =
    '[Service]\nExecStart=/bin/sleep infinity\nRestart=always\n[Install]\nWantedBy=default.target\n';
  writeInto(container.root, `/etc/systemd/system/${made.unit}`, unit);
  await container.execute('systemctl', 'daemon-reload');
  await container.execute('systemctl', 'enable', '--now', made.unit);
  return made.unit;
}

afterEach(async () => {
  if (installed === undefined) return;
  const { files, unit } = installed;
  await container.attempt('systemctl', 'disable', '--now', unit);
  rmSync(join(container.root, '/etc/systemd/system', unit));
  for (const path of Object.keys(files)) rmSync(join(container.root, path));
  await container.execute('systemctl', 'daemon-reload');
  installed = undefined;
});

const show = (unit: string): Promise<string> =>
  container.execute('systemctl', 'show', unit, '-p', 'ActiveState,UnitFileState');
const ownFiles = (): Promise<string> =>
  container.execute(
    '/bin/sh',
    '-c',
    `cd ${directory} && stat -c '%n %a %U:%G' * && cat agent.json`,
  );
const everything = async (unit: string): Promise<unknown> => ({
  old: await show(unit),
  own: await show(own),
  files: await ownFiles(),
});

async function connection(): Promise<string> {
  const answer = await container.execute('/bin/sh', '-c', `${program} status --json 2>&1; true`);
  return answer.startsWith('{') ? readStatusDocument(answer).connection.state : answer;
}

describe('import --replace', () => {
  it.each(Object.keys(stands).filter((name) => !name.endsWith('Edge')))(
    'takes the place of %s, and gives it back',
    async (name) => {
      const unit = await install(name);
      const before = await everything(unit);
      const dry = await container.execute(program, 'import', '--replace', '--dry-run');
      expect(dry).toContain(`Would stop ${unit}.`);
      expect(await everything(unit)).toEqual(before);

      const said = await container.execute(program, 'import', '--replace');
      expect(said).toContain(`Stopped ${unit}.`);
      expect(await show(unit)).toBe('ActiveState=inactive\nUnitFileState=disabled\n');
      expect(await show(own)).toBe('ActiveState=active\nUnitFileState=enabled\n');
      await expect.poll(connection, { timeout: 60_000, interval: 1_000 }).toBe('connected');

      const undone = await container.execute(program, 'import', '--undo');
      expect(undone).toContain('Everything is as it was before the import.');
      expect(await everything(unit)).toEqual(before);
      const again = await container.attempt(program, 'import', '--undo');
      expect(again.output).toContain('There is nothing to undo');
    },
  );

  it('takes the place of the micro agent for IoT Edge, which has no secret', async () => {
    const { root } = container;
    const socket = '[Socket]\nListenStream=/run/aziot/identityd.sock\nAccept=yes\n';
    writeInto(root, '/etc/systemd/system/identityd.socket', socket);
    writeInto(root, '/etc/systemd/system/identityd@.service', '[Service]\nExecStart=/bin/true\n');
    const unit = await install('the micro agent for IoT Edge');
    await container.execute('systemctl', 'start', 'identityd.socket');
    const before = await everything(unit);
    const said = await container.execute(program, 'import', '--replace');
    expect(said).toMatch(/\[\[principal\]\] name = "azureiotsecurity" uid = \d+/);
    expect(await ownFiles()).toContain('"mode": "edge"');
    expect(await show(own)).toBe('ActiveState=active\nUnitFileState=enabled\n');
    await container.execute(program, 'import', '--undo');
    await container.execute('systemctl', 'stop', 'identityd.socket');
    expect(await everything(unit)).toEqual(before);
  });

  it('changes nothing when the configuration of the old agent cannot be taken over', async () => {
    const unit = await install('the C agent');
    writeInto(
      container.root,
      '/var/ASCIoTAgent/LocalConfiguration.json',
      '{"Configuration": {',
      0o600,
    );
    const before = await everything(unit);
    const { code, output } = await container.attempt(program, 'import', '--replace');
    expect(code).toBe(78);
    expect(output).toMatch(/not valid JSON.*Nothing was changed/);
    expect(await everything(unit)).toEqual(before);
  });

  it('puts everything back when this agent does not start', async () => {
    const unit = await install('the C agent');
    const override = `/etc/systemd/system/${own}.d/broken.conf`;
    writeInto(container.root, override, '[Service]\nExecStart=\nExecStart=/bin/false\n');
    await container.execute('systemctl', 'daemon-reload');
    const before = await everything(unit);
    const { code, output } = await container.attempt(program, 'import', '--replace');
    rmSync(join(container.root, override));
    await container.execute('systemctl', 'daemon-reload');
    await container.attempt('systemctl', 'reset-failed', own);
    expect(code).toBe(1);
    expect(output).toMatch(/did not start .*Everything is as it was\./s);
    expect(await everything(unit)).toEqual(before);
  });

  it('says so where no old agent is', async () => {
    const { code, output } = await container.attempt(program, 'import', '--replace');
    expect(code).toBe(78);
    expect(output).toContain('No old agent is installed here');
  });
});
