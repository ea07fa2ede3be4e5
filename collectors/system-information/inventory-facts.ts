import { isJsonObject, type JsonObject } from '../../base/json.js';
import { ofMaker } from './firmware.js';
import { known, tidy, type Told } from './system-files.js';

const mostSlots = 1024;

/** The name of the host as it is now; undefined where it is not told. The service itself sees that of its start. */
export function hostNameIn({ hostName }: JsonObject): string | undefined {
  return typeof hostName === 'string' ? tidy(hostName) : undefined;
}

/**
 * What systeminformation found, for what no file told: it knows boards by their revision, and marks of hypervisors.
 * Each of its values is a stranger's; those that stand for nothing are left out.
 */
export function inventoryFacts(facts: JsonObject): Told {
  const of = (call: string, name: string): string | undefined => {
    const answer = facts[call];
    const value = isJsonObject(answer) ? answer[name] : undefined;
    return typeof value === 'string' ? ofMaker(tidy(value)) : undefined;
  };
  const container = of('system', 'model') === 'Docker Container';
  const { system } = facts;
  const isVirtual = isJsonObject(system) && system['virtual'] === true;
  return {
    fields: known({ BIOSVersion: of('bios', 'version') }),
    details: known({
      BiosVendor: of('bios', 'vendor'),
      BiosDate: of('bios', 'releaseDate'),
      Manufacturer: of('system', 'manufacturer'),
      Model: container ? undefined : of('system', 'model'),
      ModelVersion: of('system', 'version'),
      BoardVendor: of('baseboard', 'manufacturer'),
      BoardName: of('baseboard', 'model'),
      ChassisType: of('chassis', 'type'),
      MemorySlots: memorySlots(facts['baseboard']),
      Virtualization: isVirtual ? of('system', 'virtualHost')?.toLowerCase() : undefined,
    }),
  };
}

/** Only the tables of the firmware tell it, and only dmidecode reads them there. */
function memorySlots(baseboard: unknown): string | undefined {
  const slots = isJsonObject(baseboard) ? baseboard['memSlots'] : undefined;
  if (typeof slots !== 'number' || !Number.isInteger(slots)) return undefined;
  return slots > 0 && slots <= mostSlots ? String(slots) : undefined;
}
