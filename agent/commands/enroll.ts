import { resolve } from 'node:path';
import { FileError, readTextFile } from '../../base/bounded-file.js';
import { CommandError, exitCodes } from '../../base/exit-codes.js';
import { printable } from '../../base/text.js';
import { isUnavailable } from '../../base/unavailable.js';
import { agentGroup } from '../enroll/configuration.js';
import { enroll, type Enrollment } from '../enroll/enroll.js';
import { readSecret } from '../enroll/secret-input.js';
import { agentUnit, openSystemdManager } from '../supervisor/systemd-manager.js';
import type { Command } from './command.js';

/** Where the unit has its configuration. */
export const standardDirectory = '/etc/iot-security-agent';

export const enrollCommand: Command = {
  name: 'enroll',
  meaning: 'Takes the connection string of the module, writes the configuration, starts the agent.',
  options: {
    'connection-string-file': {
      type: 'string',
      value: 'FILE',
      meaning:
        'File that holds the connection string; otherwise it is read from standard input, never from an argument.',
    },
    directory: {
      type: 'string',
      value: 'DIR',
      default: standardDirectory,
      meaning: 'Where the configuration is written; the service is started for the default only.',
    },
  },
  run: async (parsed) => {
    const directory = parsed.text('directory') ?? standardDirectory;
    const isStandard = resolve(directory) === standardDirectory;
    const file = parsed.text('connection-string-file');
    const input =
      file === undefined
        ? await readSecret(process.stdin, (text) => void process.stderr.write(text))
        : await readGiven(file);
    const write = (sentence: string): void => {
      process.stdout.write(`${printable(sentence)}\n`);
    };
    const done = await enroll({ directory, input });
    const { deviceId, hostName, moduleId } = done.identity;
    write(`Enrolled as ${deviceId}/${moduleId} at ${hostName}.`);
    const { secretFile, settingsFile, settingsWereWritten } = done;
    const settings = settingsWereWritten
      ? ` and ${settingsFile}.`
      : `; ${settingsFile} stays as it is.`;
    write(`Wrote ${secretFile} (the secret, for root alone)${settings}`);
    if (done.removedKeys.length > 0) {
      write(
        `Removed from identity, because the connection string says it: ${done.removedKeys.join(', ')}.`,
      );
    }
    write(markerSentence(done));
    if (!isStandard) {
      write(`Run the agent with: iot-security-agent run --config ${done.settingsFile}`);
      return exitCodes.stopped;
    }
    if (done.groupIsMissing) {
      write(
        `There is no group ${agentGroup} here; once there is one, give it ${done.settingsFile}: chgrp ${agentGroup} ${done.settingsFile}`,
      );
    }
    return restartService(write);
  },
};

/** Whoever wonders where the messages are learns it before there are any. */
function markerSentence({ securityMarker, settingsFile }: Enrollment): string {
  return securityMarker
    ? `Messages carry the security marker, so that a hub with the security service routes them to that service alone; remove "securityMarker" from ${settingsFile} to have them on your own routes.`
    : `Messages go to the routes of your hub. Only where something still reads them as those of the security service, set "securityMarker": true in ${settingsFile}.`;
}

async function readGiven(path: string): Promise<string> {
  if (/SharedAccessKey/i.test(path)) {
    throw new CommandError(
      '--connection-string-file names a file; what was given is a connection string itself, which other users of this device can see in an argument. Give the module a new key if there are such users, and paste the connection string when this command asks for it. Nothing was changed.',
      exitCodes.configuration,
    );
  }
  try {
    return (await readTextFile(path, 65_536)).text;
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    throw new CommandError(
      `${path} ${error.message}. Nothing was changed.`,
      error.kind === 'other-encoding' ? exitCodes.configuration : exitCodes.noPermission,
    );
  }
}

/** The configuration is written: what is left to be done is said when systemd cannot be had. */
async function restartService(write: (sentence: string) => void): Promise<number> {
  const command = `systemctl restart ${agentUnit}`;
  const manager = await openSystemdManager();
  if (isUnavailable(manager)) {
    write(`The service was not started, because ${manager.unavailable}. Start it with: ${command}`);
    return exitCodes.stopped;
  }
  const refused = manager.restart(agentUnit);
  manager.close();
  if (refused !== undefined) {
    write(`The service was not started: ${refused.unavailable}. Start it with: ${command}`);
    return exitCodes.crashed;
  }
  write(`${agentUnit} is being started; see how it is with: iot-security-agent status`);
  return exitCodes.stopped;
}
