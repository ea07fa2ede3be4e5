import { describe, expect, it } from 'vitest';
import { isOfInventory } from '../../../collectors/inventory/cgroup.js';

const unit = 'iot-security-agent-inventory-firewall@0-42-0.service';
const slice = 'system-iot\\x2dsecurity\\x2dagent\\x2dinventory\\x2dfirewall.slice';

describe('a process of the inventory', () => {
  it.each([
    ['of systemd with one hierarchy', `0::/system.slice/${slice}/${unit}\n`],
    [
      'of systemd with several',
      `12:pids:/x\n1:name=systemd:/system.slice/${slice}/${unit}\n0::/\n`,
    ],
    ['in no slice of its own', `0::/system.slice/${unit}\n`],
  ])('is known by its unit, %s', (_, cgroups) => {
    expect(isOfInventory(cgroups)).toBe(true);
  });

  it.each([
    ['a user', `0::/user.slice/user-1000.slice/user@1000.service/app.slice/${unit}\n`],
    ['a user in a folder', `0::/user.slice/system.slice/${unit}\n`],
    ['a part of another unit', `0::/system.slice/other.service/${unit}\n`],
    ['another controller', `3:memory:/system.slice/${unit}\n`],
    ['the agent', '0::/system.slice/iot-security-agent.service\n'],
    ['one that is gone', ''],
  ])('is not %s', (_, cgroups) => {
    expect(isOfInventory(cgroups)).toBe(false);
  });
});
