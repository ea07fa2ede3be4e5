import { collectors } from '../../collectors/registry.js';
import { bashCompletion } from './completion.js';
import { inventoryUnits } from './inventory-units.js';
import { manualPage } from './manual.js';
import { packageDescription } from './package-description.js';
import { commands } from './registry.js';

/** What is derived from the declarations and kept in the repository: text by path from the root of the project. */
export function generatedFiles(): Readonly<Record<string, string>> {
  return {
    'systemd/debian/description.generated': packageDescription(collectors),
    'systemd/iot-security-agent.8': manualPage(commands),
    'systemd/iot-security-agent.bash-completion': bashCompletion(commands),
    ...inventoryUnits(),
  };
}
