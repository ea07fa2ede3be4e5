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
    identity: {
      type: 'string',
      value: 'WAY',
      meaning:
        'How the agent is the module: module, module-thumbprint, module-authority, device, device-certificate, dps, dps-certificate or edge.',
    },
    websocket: { type: 'boolean', meaning: 'Has the agent use MQTT over WebSockets.' },
    'https-port': { type: 'string', value: 'N', meaning: 'Port of HTTPS and WebSockets.' },
    'dps-port': { type: 'string', value: 'N', meaning: 'Port of the provisioning service.' },
    'proxy-port': { type: 'string', value: 'N', meaning: 'Opens an HTTP proxy there.' },
    'proxy-credentials': {
      type: 'string',
      value: 'USER:PASSWORD',
      meaning: 'Who may use the proxy; everybody when absent.',
    },
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
    const args = Object.entries(localHubCommand.options).flatMap(([option, { type }]) => {
      if (type === 'boolean') return parsed.flag(option) ? [`--${option}`] : [];
      const value = parsed.text(option);
      return value === undefined ? [] : [`--${option}=${value}`];
    });
    return hub.serve(args);
  },
};
