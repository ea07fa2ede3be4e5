import { exitCodes } from '../../base/exit-codes.js';
import { localSettings } from '../../config/local-settings.js';
import type { Command } from './command.js';

export const sbomCommand: Command = {
  name: 'sbom',
  meaning:
    'Prints the bill of materials of this device, its packages with their licences, as CycloneDX 1.6; sends nothing.',
  options: {
    output: { type: 'string', value: 'FILE', meaning: 'Write it there instead.' },
    inventory: {
      type: 'string',
      value: 'DIR',
      default: localSettings.inventoryDirectory.default,
      meaning: 'Where the sockets of the inventory process are, which asks rpm.',
    },
  },
  exitCodes: {
    [exitCodes.crashed]: 'The device has packages that could not be read: they are missing.',
  },
  run: async (parsed) => (await import('./sbom-output.js')).printBill(parsed),
};
