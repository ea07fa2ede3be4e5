import { reasonOf } from '../../base/errors.js';
import { exitCodes, type ExitCode } from '../../base/exit-codes.js';
import { printable } from '../../base/text.js';
import { isUnavailable } from '../../base/unavailable.js';
import { UserNames } from '../../collectors/kernel/files/users.js';
import { hostPaths } from '../../collectors/kernel/paths.js';
import { socketStateWish } from '../../collectors/kernel/sockets/sock-state-trace.js';
import { findInstances, prepareInstance } from '../../collectors/kernel/trace/trace-setup.js';
import type { Command } from './command.js';

export const hostSetupCommand: Command = {
  name: 'host-setup',
  meaning:
    'As root, before the service: prepares the trace of connections for the user of the agent.',
  options: {
    user: {
      type: 'string',
      value: 'NAME',
      default: 'iot-security-agent',
      meaning: 'Who runs the agent.',
    },
  },
  run: (parsed) =>
    Promise.resolve(
      hostSetup({
        user: parsed.text('user') ?? '',
        uidOf: (user) => new UserNames(hostPaths).uidOf(user),
        warn: (sentence) => void process.stderr.write(`${printable(sentence)}\n`),
      }),
    ),
};

interface HostSetupOptions {
  readonly user: string;
  readonly uidOf: (user: string) => number | undefined;
  readonly warn: (sentence: string) => void;
  readonly mountPoints?: readonly string[];
}

/**
 * Makes what an agent without root cannot make. May be repeated.
 * @returns 1 when the agent will have to do without
 */
export function hostSetup({ user, uidOf, warn, mountPoints }: HostSetupOptions): ExitCode {
  const uid = uidOf(user);
  if (uid === undefined) {
    warn(
      `There is no user ${user}, for whom the trace of connections is prepared; name another with --user.`,
    );
    return exitCodes.crashed;
  }
  const instances = findInstances(mountPoints);
  if (isUnavailable(instances)) {
    warn(`The trace of connections cannot be prepared: ${instances.unavailable}`);
    return exitCodes.crashed;
  }
  try {
    prepareInstance(instances.path, socketStateWish, uid);
    return exitCodes.stopped;
  } catch (error) {
    warn(
      `The trace of connections cannot be prepared in ${instances.path} (${reasonOf(error)}); the agent looks for connections in other ways.`,
    );
    return exitCodes.crashed;
  }
}
