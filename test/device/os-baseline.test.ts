import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inventoryNames } from '../../collectors/inventory/names.js';
import { Container, writeInto } from '../support/device/container.js';

const repository = join(import.meta.dirname, '..', '..');
const results = '/run/baseline';

/** The sandbox of the packaged unit, around one run of the baseline. */
function sandboxed(): string {
  const unit = readFileSync(join(repository, 'systemd/iot-security-agent.service'), 'utf8');
  const left =
    /^(Exec\w+|Type|NotifyAccess|Restart\w*|Watchdog\w*|Sockets|\w+Credential|Wants|After|WantedBy|CPUQuota|Timeout\w+|StandardOutput)=/;
  const kept = unit.split('\n').filter((line) => !left.test(line));
  const service = [
    '[Service]',
    'Type=oneshot',
    'SuccessExitStatus=1',
    `StandardOutput=truncate:${results}`,
    `StandardError=truncate:${results}.says`,
    'ExecStart=/usr/bin/node /opt/iot-security-agent/dist/iot-security-agent.cjs baseline --json --custom /etc/checks.yml',
  ];
  return kept.join('\n').replace('[Service]', service.join('\n'));
}

/** The inventory process of the package: where the files of a kernel tell nothing of its packet filter, it is asked. */
function installInventory(root: string): void {
  for (const name of inventoryNames)
    for (const unit of [`${name}.socket`, `${name}@.service`]) {
      const file = `iot-security-agent-inventory-${unit}`;
      const text = readFileSync(join(repository, 'systemd', file), 'utf8');
      writeInto(root, `/etc/systemd/system/${file}`, text);
    }
}

const check = (id: string, kind: string): string =>
  `  - { id: ${id}, title: It is well, severity: Warning, remedy: Mend it now., ${kind} }\n`;

let container: Container;

beforeAll(async () => {
  container = await Container.boot({
    packages: ['nftables', 'iptables'],
    binds: {
      [repository]: '/opt/iot-security-agent',
      [join(repository, 'dist')]: '/usr/lib/iot-security-agent',
      [process.execPath]: '/usr/bin/node',
    },
    prepare: (root) => {
      installInventory(root);
      writeInto(root, '/etc/systemd/system/baseline.service', sandboxed());
      writeInto(root, '/etc/sysusers.d/agent.conf', 'u iot-security-agent - "Security agent"\n');
      writeInto(
        root,
        '/etc/checks.yml',
        'version: 1\nchecks:\n' +
          check('journald', 'unit: { name: systemd-journald.service, state: running }') +
          check('no-such', 'unit: { name: no-such.service, state: running }') +
          check('systemd', 'package: { name: systemd }'),
      );
      // The shadow file as a careless image has it, and a shared directory without its sticky bit.
      chmodSync(join(root, 'etc/shadow'), 0o644);
      writeInto(root, '/etc/tmpfiles.d/careless.conf', 'z /var/tmp 0777 root root -\n');
    },
  });
});

afterAll(() => container.stop());

describe('the baseline in the sandbox of the packaged unit', () => {
  let found: ReadonlyMap<string, { result: string; found?: string; why?: string }>;
  let says = '';

  beforeAll(async () => {
    const sockets = inventoryNames.map((name) => `iot-security-agent-inventory-${name}.socket`);
    await container.execute('systemctl', 'start', ...sockets);
    const { code } = await container.attempt('systemctl', 'start', 'baseline.service');
    if (code !== 0)
      throw new Error(await container.execute('journalctl', '-u', 'baseline.service'));
    const lines = (await container.execute('cat', results)).trim().split('\n');
    says = await container.execute('cat', `${results}.says`);
    found = new Map(
      lines.map((line) => {
        const outcome = JSON.parse(line) as { id: string; result: string };
        return [outcome.id, outcome];
      }),
    );
  });

  it('sees the device and not the sandbox', () => {
    expect(says).not.toContain('mount namespace');
    // ProtectSystem= makes the root read-only for the service alone, PrivateTmp= gives it a /var/tmp of its own.
    expect(found.get('root-read-only')).toMatchObject({ result: 'fail' });
    expect(found.get('file-var-tmp-sticky')).toMatchObject({ result: 'fail', found: 'mode 0777' });
    expect(found.get('file-etc-shadow')).toMatchObject({ result: 'fail', found: 'mode 0644' });
  });

  it('asks systemd over its bus', () => {
    expect(says).not.toContain('Services are known from files alone');
    expect(found.get('custom-journald')).toMatchObject({ result: 'pass' });
    expect(found.get('custom-no-such')).toMatchObject({ result: 'fail' });
    expect(found.get('custom-systemd')).toMatchObject({ result: 'pass' });
  });

  it('can make all of its checks', () => {
    const errors = [...found].filter(([, { result }]) => result === 'error');
    expect(errors.map(([id, { why }]) => `${id}: ${why ?? ''}`)).toEqual([]);
  });
});
