import { exitCodes } from '../../base/exit-codes.js';
import type { Command } from './command.js';

export const baselineCommand: Command = {
  name: 'baseline',
  meaning: 'Checks how securely this device is configured, and says what to do; sends nothing.',
  options: {
    check: {
      type: 'string',
      value: 'ID',
      meaning: 'Only this check, for example parameter-aslr.',
    },
    custom: {
      type: 'string',
      value: 'FILE',
      meaning: 'Also the checks of this file, whose SHA-256 for the twin is told.',
    },
    scan: {
      type: 'boolean',
      meaning: 'Look at all files now, instead of telling what the last maintenance window found.',
    },
    json: { type: 'boolean', meaning: 'Print each check as one line of JSON.' },
  },
  exitCodes: {
    [exitCodes.stopped]: 'No check failed; those that could not be made do not count.',
    [exitCodes.crashed]: 'A check failed.',
  },
  // The checks are a lot to load for whoever does not ask for them.
  run: async (parsed) => (await import('./baseline-report.js')).reportBaseline(parsed),
};
