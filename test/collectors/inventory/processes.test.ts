import { expect, it } from 'vitest';
import { InventoryProcesses } from '../../../collectors/inventory/processes.js';

const unit = '0::/system.slice/iot-security-agent-inventory-firewall@0-42-0.service\n';

function setUp() {
  const cgroups = new Map([
    [50, unit],
    [60, '0::/system.slice/ssh.service\n'],
  ]);
  const state = { may: true };
  const cgroupsOf = (pid: number): string | undefined => cgroups.get(pid);
  const processes = new InventoryProcesses({ mayRun: () => state.may, cgroupsOf });
  return { cgroups, processes, state };
}

it('a process of the inventory that was noticed is known after it is gone, and a stranger is not', () => {
  const { cgroups, processes } = setUp();
  processes.notice(50, 1);
  processes.notice(60, 1);
  cgroups.set(80, unit);
  processes.notice(80, 50);
  cgroups.clear();
  // The last is known by its parent.
  expect([50, 60, 70, 80].filter((pid) => processes.has(pid))).toEqual([50]);
});

it('one that lives is judged by its group alone, whatever had its number before', () => {
  const { cgroups, processes } = setUp();
  processes.notice(50, 1);
  cgroups.set(50, '0::/user.slice/user-1000.slice/session-1.scope\n');
  cgroups.set(60, unit);
  expect([50, 60].filter((pid) => processes.has(pid))).toEqual([60]);
});

it('nothing is remembered, nor read, while there can be none', () => {
  const { cgroups, processes, state } = setUp();
  processes.notice(50, 1);
  state.may = false;
  processes.notice(60, 1);
  expect(processes.mayRun()).toBe(false);
  cgroups.clear();
  state.may = true;
  expect([50, 60].some((pid) => processes.has(pid))).toBe(false);
});
