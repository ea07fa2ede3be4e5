import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readInventoryAnswer } from '../../collectors/inventory/answer.js';
import { inventoryNames, type InventoryName } from '../../collectors/inventory/names.js';
import { collectors } from '../../collectors/registry.js';
import type { EventName } from '../../contract/events.js';
import { writeInto } from '../support/device/container.js';
import { InstalledDevice } from '../support/device/installed-device.js';
import { packages } from '../support/device/packages.js';
import {
  desired,
  deviceId,
  eventsOf,
  Fixture,
  payloadsOf,
  quick,
} from '../support/running-agent.js';

const node = '/usr/lib/iot-security-agent-node/node';
const socketOf = (name: InventoryName): string => `/run/iot-security-agent-inventory/${name}`;

/** Prints what the inventory says, or the code of the error. */
const asking = `require('node:net').connect(process.argv[1])
  .on('error', (error) => console.log(error.code)).pipe(process.stdout);`;

/** In place of the inventory process: tells what it could do in its sandbox. */
const probe = `
const { connect } = require('node:net');
const { readFileSync, writeFileSync } = require('node:fs');
const outcome = (action) => { try { action(); return 'done'; } catch (error) { return error.code; } };
const read = (path) => { try { return readFileSync(path).length; } catch (error) { return error.code; } };
const status = readFileSync('/proc/self/status', 'utf8');
const field = (name) => new RegExp('^' + name + ':\\\\s*(\\\\S+)', 'm').exec(status)?.[1];
const told = {
  root: process.getuid() === 0, effective: field('CapEff'), noNewPrivileges: field('NoNewPrivs'),
  secrets: ['/etc/iot-security-agent/secret', '/etc/shadow', '/var/lib/iot-security-agent/secret'].map(read),
  writes: ['/etc/probe', '/usr/probe', '/var/probe', '/run/probe'].map((path) => outcome(() => writeFileSync(path, ''))),
  tunable: outcome(() => writeFileSync('/proc/sys/kernel/hostname', 'probe')),
  input: readFileSync(0).length,
};
const socket = connect({ host: '127.0.0.1', port: 1 });
const tell = (network) => {
  socket.destroy();
  process.stdout.write(JSON.stringify({ ...told, network }));
};
const timer = setTimeout(tell, 500, 'dropped');
socket.on('error', ({ code }) => {
  clearTimeout(timer);
  tell(code);
});
`;

let device: InstalledDevice;

beforeAll(async () => {
  device = await InstalledDevice.boot({
    packages: ['nftables', 'iptables', 'openssh-server', 'openssh-client', 'passwd'],
  });
  await device.install(await packages());
  await device.container.execute('mkdir', '-p', '/run/sshd');
});
afterAll(async () => {
  undoOnHost();
  await device.close();
});

const execute = (...command: readonly string[]): Promise<string> =>
  device.container.execute(...command);

async function ask(name: InventoryName) {
  return readInventoryAnswer(await execute(node, '-e', asking, socketOf(name)), name);
}

const instances = ['list-units', '--all', '--no-legend', 'iot-security-agent-inventory-*@*'];

/** Resolves when none of its processes is there. */
async function untilGone(): Promise<void> {
  for (let waited = 0; waited < 10_000; waited += 250) {
    if ((await execute('systemctl', ...instances)).trim() === '') return;
    await sleep(250);
  }
  throw new Error(`Still there: ${await execute('systemctl', ...instances)}`);
}

describe('the inventory process of the package', () => {
  it('tells through its sockets and in its sandboxes what each is asked for', async () => {
    const firewall = await ask('firewall');
    expect(firewall.programs.map(({ program, outcome }) => `${program} ${outcome}`)).toEqual(
      [
        'nft',
        'iptables-legacy-save',
        'iptables-save',
        'ip6tables-legacy-save',
        'ip6tables-save',
      ].map((program) => `${program} ended`),
    );
    // A machine that has tables of both kinds is told so; both are read.
    const said = /^(?:# Warning: iptables-legacy tables present, .*)?$/;
    for (const { exitStatus, error } of firewall.programs) {
      expect(exitStatus).toBe(0);
      expect(error).toMatch(said);
    }
    expect(firewall.programs[0]?.stdout).toContain('"nftables"');
    const [sshd] = (await ask('sshd')).programs;
    expect([sshd?.exitStatus, sshd?.stdout]).toEqual([0, expect.stringMatching(/^port 22\n/)]);
    expect((await ask('system')).facts).toHaveProperty('system.manufacturer');
  });

  it('asks managers of packages without any right', async () => {
    const [apt] = (await ask('updates')).programs;
    expect([apt?.exitStatus, apt?.stdout]).toEqual([
      0,
      expect.stringMatching(/^\d+ upgraded, .* not upgraded\.$/m),
    ]);
    const [rpm] = (await ask('packages')).programs;
    expect(rpm).toMatchObject({ program: 'rpm', outcome: 'absent' });
  });

  it('is gone within seconds, and leaves no unit behind', async () => {
    await Promise.all(inventoryNames.map(ask));
    await untilGone();
    expect((await execute('systemctl', '--failed', '--no-legend')).trim()).toBe('');
  });

  it('answers root and the group of the agent, and nobody else', async () => {
    const as = (...identity: readonly string[]): Promise<string> =>
      execute('setpriv', ...identity, node, '-e', asking, socketOf('system'));
    const stranger = ['--reuid=65534', '--regid=65534', '--clear-groups'];
    expect((await as(...stranger)).trim()).toBe('EACCES');
    const member = ['--reuid=65534', '--regid=iot-security-agent', '--clear-groups'];
    expect(readInventoryAnswer(await as(...member), 'system').name).toBe('system');
  });

  it('reaches no secret and no network, changes nothing, and is nobody', async () => {
    const { root } = device.container;
    writeInto(root, '/srv/probe.cjs', probe);
    writeInto(root, '/var/lib/iot-security-agent/secret', 'secret', 0o600);
    writeInto(root, '/etc/iot-security-agent/secret', 'secret', 0o600);
    const dropIn = (name: string): string =>
      `/etc/systemd/system/iot-security-agent-inventory-${name}@.service.d/probe.conf`;
    const replacing = `[Service]\nExecStart=\nExecStart=${node} /srv/probe.cjs\n`;
    for (const name of inventoryNames) writeInto(root, dropIn(name), replacing);
    await execute('systemctl', 'daemon-reload');
    const told = new Map<string, Record<string, unknown>>();
    for (const name of inventoryNames)
      told.set(name, JSON.parse(await execute(node, '-e', asking, socketOf(name))) as never);
    for (const name of inventoryNames) await execute('rm', dropIn(name));
    await execute('rm', '/var/lib/iot-security-agent/secret', '/etc/iot-security-agent/secret');
    await execute('systemctl', 'daemon-reload');
    for (const found of told.values()) {
      expect(found).toMatchObject({
        root: false,
        noNewPrivileges: '1',
        writes: expect.not.arrayContaining(['done']) as unknown,
        input: 0,
      });
      // In place of a masked file is one that is empty; what is below a masked directory is not there.
      for (const secret of found['secrets'] as unknown[])
        expect([0, 'EACCES', 'ENOENT']).toContain(secret);
      expect(found['tunable']).toMatch(/^(EROFS|EACCES)$/);
      expect(found['network']).not.toBe('ECONNREFUSED');
    }
    // CAP_DAC_READ_SEARCH, CAP_NET_ADMIN and CAP_NET_RAW; the first alone.
    expect(told.get('firewall')).toMatchObject({ effective: '0000000000003004' });
    expect(told.get('sshd')).toMatchObject({ effective: '0000000000000004' });
    expect(told.get('system')).toMatchObject({ effective: '0000000000000004' });
    for (const name of ['packages', 'updates'])
      expect(told.get(name)).toMatchObject({ effective: '0000000000000000' });
  });
});

/** The container shares the network namespace of the host: what is added there is taken away again. */
const onHost = (program: string, ...args: readonly string[]): void => {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
};

function undoOnHost(): void {
  for (const [program, ...args] of [
    ['nft', 'delete', 'table', 'inet', 'agent_probe'],
    ['ip', 'link', 'delete', 'agent-probe0'],
  ] as const) {
    try {
      onHost(program, ...args);
    } catch {
      // It was never made.
    }
  }
}

const rule = 'tcp dport 47113 drop';
const chain = '{ type filter hook input priority 300 ; policy accept ; }';

/** Something that is added to the device, by the event that has to tell it, with how it is told. */
const additions: readonly (readonly [
  EventName,
  () => Promise<unknown>,
  Record<string, unknown>,
])[] = [
  [
    'LocalUsers',
    () => execute('useradd', '--create-home', '--shell', '/bin/sh', 'agent-probe'),
    { UserName: 'agent-probe' },
  ],
  [
    'FirewallConfiguration',
    () => {
      onHost('nft', 'add', 'table', 'inet', 'agent_probe');
      onHost('nft', 'add', 'chain', 'inet', 'agent_probe', 'probe', chain);
      onHost('nft', 'add', 'rule', 'inet', 'agent_probe', 'probe', ...rule.split(' '));
      return Promise.resolve();
    },
    { DestinationPort: '47113', Action: 'Deny', Protocol: 'tcp', Direction: 'In' },
  ],
  [
    'ListeningPorts',
    () =>
      execute(
        'systemd-run',
        '--unit=agent-probe',
        node,
        ...['-e', "require('node:net').createServer().listen(47114, '127.0.0.1')"],
      ),
    { LocalPort: '47114', LocalAddress: '127.0.0.1', Protocol: 'tcp' },
  ],
  [
    'ConnectedHardware',
    () => {
      onHost('ip', 'link', 'add', 'agent-probe0', 'type', 'veth', 'peer', 'name', 'agent-probe1');
      return Promise.resolve();
    },
    { HardwareName: expect.stringContaining('agent-probe0') as string },
  ],
  [
    'SystemInformation',
    () => execute('hostname', 'agent-probe'),
    { HostName: 'agent-probe', OSName: 'Debian GNU/Linux', OsArchitecture: 'x86_64' },
  ],
  [
    'OSBaseline',
    () => execute('chmod', '0666', '/etc/passwd'),
    { Result: 'Fail', CceId: 'CCE-3566-7' },
  ],
];

const isProduced = (name: EventName): boolean => collectors.some((each) => each.name === name);
const produced = additions.filter(([name]) => isProduced(name));

describe('the snapshots of the package', () => {
  beforeAll(async () => {
    device.fixture.hub.patchDesired(
      deviceId,
      desired({
        ...quick,
        aggregationIntervalConnectionCreate: 'PT1S',
        snapshotFrequency: 'PT10S',
      }),
    );
    await device.enroll();
    await device.until('ActiveState', 'active');
    const first = (messages: Parameters<typeof eventsOf>[0]): boolean =>
      produced.every(([name]) => eventsOf(messages).some((event) => event.Name === name));
    await device.fixture.hub.awaitMessages(first, 60_000);
  });

  it.each(produced)('of %s tell with the next one what was added', async (name, add, found) => {
    const { hub } = device.fixture;
    const told = (): readonly object[] => payloadsOf(hub.messages, name);
    const isTold = (payload: object): boolean => {
      try {
        expect(payload).toMatchObject(found);
        return true;
      } catch {
        return false;
      }
    };
    expect(told().filter(isTold)).toEqual([]);
    await add();
    await hub
      .awaitMessages(() => told().some(isTold), 45_000)
      .catch(async () => {
        throw new Error(
          `${JSON.stringify(told().slice(-30))}\n${await device.log()}\n${await execute('iot-security-agent', 'status')}`,
        );
      });
  });
});

/** A login with a terminal, which stays long enough to be seen as a connection, too. */
async function logIn(): Promise<void> {
  const { root } = device.container;
  await execute('useradd', '--create-home', '--shell', '/bin/sh', 'anna');
  await execute('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', '/root/probe-key');
  const key = readFileSync(join(root, 'root/probe-key.pub'), 'utf8');
  writeInto(root, '/home/anna/.ssh/authorized_keys', key);
  await execute('chown', '-R', 'anna:', '/home/anna/.ssh');
  await execute('/usr/sbin/sshd', '-p', '47122');
  await execute(
    'ssh',
    ...['-tt', '-q', '-p', '47122', '-i', '/root/probe-key', '-o', 'StrictHostKeyChecking=no'],
    ...['anna@127.0.0.1', 'sleep 5'],
  );
}

describe('the events of the public schema', () => {
  it('are sent by the package, each valid', async () => {
    const { hub } = device.fixture;
    await logIn();
    const wanted: readonly EventName[] = [
      'ProcessCreate',
      'ConnectionCreate',
      'Login',
      ...produced.map(([name]) => name),
      'MessageStatistics',
      'DroppedEventsStatistics',
    ];
    const names = (): readonly string[] => eventsOf(hub.messages).map(({ Name }) => Name);
    const missing = (): readonly string[] => wanted.filter((name) => !names().includes(name));
    await hub.awaitMessages(() => missing().length === 0, 60_000).catch(() => undefined);
    expect(missing()).toEqual([]);
    expect(hub.messages.flatMap(({ problems }) => problems)).toEqual([]);
  });

  it('tell nothing of what the inventory process ran for the agent', () => {
    const told = payloadsOf(device.fixture.hub.messages, 'ProcessCreate');
    expect(told.length).toBeGreaterThan(0);
    const isInventory = ({ CommandLine, Executable }: (typeof told)[number]): boolean =>
      /-inventory\.cjs|^nft -j|tables.*-save$/.test(String(CommandLine)) ||
      /\/(nft|xtables-\w+-multi)$/.test(String(Executable));
    expect(told.filter(isInventory)).toEqual([]);
  });

  // The kernel tells ends of processes to the initial pid namespace alone, which a container is not in.
  it('have the end of a process among them, told on the host itself', async () => {
    const fixture = new Fixture();
    await fixture.startHub();
    try {
      fixture.configure({ processSource: 'proc-connector' });
      fixture.hub.registerModule(deviceId);
      fixture.hub.patchDesired(
        deviceId,
        desired({ ...quick, aggregationIntervalProcessTerminate: 'PT1S' }),
      );
      await fixture.startAgent();
      onHost('/bin/sh', '-c', 'exit 0');
      const ended = (messages: Parameters<typeof payloadsOf>[0]): boolean =>
        payloadsOf(messages, 'ProcessTerminate').length > 0;
      const messages = await fixture.hub.awaitMessages(ended, 30_000);
      expect(messages.flatMap(({ problems }) => problems)).toEqual([]);
    } finally {
      await fixture.close();
    }
  });
});
