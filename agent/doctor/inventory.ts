import { lstatSync } from 'node:fs';
import { hasCode, plainReason } from '../../base/errors.js';
import { inventoryNames } from '../../collectors/inventory/names.js';
import { note, ok, unknown, type Finding } from './finding.js';

/** Whether the sockets are there. None is connected to: that would have systemd start a process. */
export function checkInventory(directory: string): Finding {
  const missing: string[] = [];
  try {
    lstatSync(directory);
    for (const name of inventoryNames) {
      if (!isSocket(`${directory}/${name}`)) missing.push(name);
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) missing.push(...inventoryNames);
    else return unknown('inventory', `${directory} cannot be looked at: ${plainReason(error)}`);
  }
  if (missing.length === 0) {
    return ok('inventory', `the sockets of the inventory are in ${directory}`);
  }
  return note(
    'inventory',
    `${directory} has no socket for ${missing.join(', ')}, so that what needs a program there is not told`,
    `systemctl start ${missing.map((name) => `iot-security-agent-inventory-${name}.socket`).join(' ')}; without systemd, run iot-security-agent inventory --listen ${directory} as root`,
  );
}

function isSocket(path: string): boolean {
  try {
    return lstatSync(path).isSocket();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}
