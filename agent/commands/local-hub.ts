import { CommandError, exitCodes } from '../../base/exit-codes.js';
import { loadBesideBundle } from './beside-bundle.js';
import type { Command } from './command.js';

export const localHubCommand: Command = {
  name: 'local-hub',
  meaning: 'Runs a stand-in IoT Hub on loopback; in a development checkout only.',
  developmentOnly: true,
  options: {
    state: { type: 'string', value: 'DIR', meaning: 'Where its keys and twins are kept.' },
    port: { type: 'string', value: 'N', meaning: 'Port to listen on, 0 for any free one.' },
    device: { type: 'string', value: 'ID', meaning: 'Device to register, with its module.' },
    faults: {
      type: 'boolean',
      meaning: 'Takes faults to make from standard input, a line each: drop, refuse 5, help, …',
    },
  },
  run: async (parsed) => {
    const loaded = loadBesideBundle('local-hub.cjs');
    if (loaded === undefined) {
      throw new CommandError(
        'The stand-in hub is part of a development checkout and is not shipped to devices.',
        exitCodes.configuration,
      );
    }
    const hub = loaded as { serve(args: string[]): Promise<number> };
    const args = ['state', 'port', 'device'].flatMap((option) => {
      const value = parsed.text(option);
      return value === undefined ? [] : [`--${option}`, value];
    });
    return hub.serve(parsed.flag('faults') ? [...args, '--faults'] : args);
  },
};
