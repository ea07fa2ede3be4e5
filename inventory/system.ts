import { hostname } from 'node:os';
import { baseboard, bios, chassis, system } from 'systeminformation';
import type { JsonObject } from '../base/json.js';

/**
 * Make and model by systeminformation: it knows the revision codes of boards without firmware tables, and the marks of
 * hypervisors, and asks dmidecode for what the kernel does not show in /sys. Nearly every call of it runs `/bin/sh -c`,
 * which is why it is here and not in the agent; the calls are constant, and the shell gets a constant environment.
 * Beside it the name of the host: the service has that of its start, because it must not change it (ProtectHostname=).
 */
export async function systemFacts(): Promise<JsonObject> {
  const [board, firmware, box, device] = [
    await baseboard(),
    await bios(),
    await chassis(),
    await system(),
  ];
  const facts = { baseboard: board, bios: firmware, chassis: box, system: device };
  // Only what JSON says: the package gives undefined here and there.
  return JSON.parse(JSON.stringify({ ...facts, hostName: hostname() })) as JsonObject;
}
