import { CommandError, exitCodes } from '../../base/exit-codes.js';
import { inventories, inventoryNames } from '../../collectors/inventory/names.js';
import { loadBesideBundle } from './beside-bundle.js';
import type { Command } from './command.js';

const file = 'iot-security-agent-inventory.cjs';

/** The process of an agent never comes here; on a device systemd runs the other bundle by itself. */
export const inventoryCommand: Command = {
  name: 'inventory',
  operands: inventoryNames.join(' | '),
  operandMeanings: Object.fromEntries(
    inventoryNames.map((name) => [name, inventories[name].meaning]),
  ),
  operandChoices: inventoryNames,
  meaning:
    'Runs the programs that the agent may not, and prints what they say as JSON; systemd does so for the agent.',
  options: {
    listen: {
      type: 'string',
      value: 'DIR',
      meaning: 'Instead, answer whoever asks at the sockets in DIR: for a device without systemd.',
    },
  },
  run: async (parsed) => {
    const loaded = loadBesideBundle(file);
    if (loaded === undefined) {
      throw new CommandError(
        `${file} is not beside this program; install the package again, or build it with npm run build.`,
        exitCodes.configuration,
      );
    }
    const inventory = loaded as { main(args: readonly string[]): Promise<number> };
    const directory = parsed.text('listen');
    const listen = directory === undefined ? [] : ['--listen', directory];
    return inventory.main([...listen, ...parsed.operands]);
  },
};
