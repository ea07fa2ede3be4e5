import { isUnavailable } from '../../base/unavailable.js';
import type { Payload } from '../../contract/events.js';
import type { SnapshotCollector } from '../interface/collector.js';
import { fromTwin } from './from-twin.js';
import { firmware } from './firmware.js';
import { hostNameIn, inventoryFacts } from './inventory-facts.js';
import { kernel } from './kernel.js';
import { memory } from './memory.js';
import { operatingSystem } from './operating-system.js';
import { programArchitecture } from './program-architecture.js';
import { protection } from './protection.js';
import { rootDevice } from './root-device.js';
import { known, SystemFiles, type Told } from './system-files.js';
import { timeZone } from './time-zone.js';
import { virtualization } from './virtualization.js';

const subjects = [
  operatingSystem,
  kernel,
  programArchitecture,
  memory,
  timeZone,
  firmware,
  rootDevice,
  protection,
  virtualization,
];

/** What the device is and what runs on it: from files of the kernel first, and from programs what those do not tell. */
export const systemInformation: SnapshotCollector<'SystemInformation'> = {
  kind: 'snapshot',
  name: 'SystemInformation',
  async collect({ host, signal, setSource }) {
    const files = new SystemFiles(host.paths);
    const told: Told[] = [];
    for (const subject of subjects) {
      signal.throwIfAborted();
      told.push(await subject(files));
    }
    const answer = await host.inventory.ask('system', signal);
    if (isUnavailable(answer)) {
      const missing = `What no file of the kernel tells is not known. ${answer.unavailable}`;
      setSource({ source: 'files', limitation: missing });
    } else {
      setSource({ source: 'files, inventory' });
      told.unshift({ fields: known({ HostName: hostNameIn(answer.facts) }) });
      told.push(inventoryFacts(answer.facts));
    }
    // What somebody wrote down for this device is meant to be told instead of what its maker left empty.
    told.unshift(fromTwin(host.twin.current));
    return [together(told)];
  },
};

/** What was told first counts. */
function together(told: readonly Told[]): Payload<'SystemInformation'> {
  return told.reduceRight<Payload<'SystemInformation'>>(
    (later, { fields, details }) => ({
      ...later,
      ...fields,
      ExtraDetails: { ...later.ExtraDetails, ...details },
    }),
    {},
  );
}
