import { join, resolve } from 'node:path';
import { exitCodes } from '../../base/exit-codes.js';
import { printable } from '../../base/text.js';
import { isUnavailable } from '../../base/unavailable.js';
import { UserNames } from '../../collectors/kernel/files/users.js';
import { hostPaths } from '../../collectors/kernel/paths.js';
import { agentGroup, settingsFileName } from '../enroll/configuration.js';
import { enroll, type Enrollment } from '../enroll/enroll.js';
import { runsAs } from '../enroll/running-agent.js';
import { standardModuleId } from '../identity/credentials/credentials.js';
import { principalRemedy } from '../identity/services/identity-service.js';
import { agentUnit, openSystemdManager } from '../supervisor/systemd-manager.js';
import type { Command, ParsedArguments } from './command.js';
import { identityOptions, readIdentity } from './enroll-input.js';

/** Where the unit has its configuration. */
export const standardDirectory = '/etc/iot-security-agent';

type Write = (sentence: string) => void;

export const enrollCommand: Command = {
  name: 'enroll',
  meaning:
    'Takes who the device is to the hub, tries it, writes the configuration, starts the agent.',
  options: {
    ...identityOptions,
    directory: {
      type: 'string',
      value: 'DIR',
      default: standardDirectory,
      meaning: 'Where the configuration is written; the service is started for the default only.',
    },
    'no-try': {
      type: 'boolean',
      meaning: 'Do not connect to the hub before the configuration is written.',
    },
  },
  run: async (parsed) => {
    const directory = parsed.text('directory') ?? standardDirectory;
    const write: Write = (sentence) => void process.stdout.write(`${printable(sentence)}\n`);
    const given = await readIdentity(parsed);
    const isEdge = given.identity['identity.mode'] === 'edge';
    const done = await enroll({
      directory,
      given,
      isTried: (who) => isTried(parsed, { directory, isEdge, who, write }),
    });
    tell(done, write);
    const { groupId, settings, settingsFile } = done.configuration;
    if (isEdge) write(edgeSentence(settings.identity.moduleId));
    if (resolve(directory) !== standardDirectory) {
      write(`Run the agent with: iot-security-agent run --config ${settingsFile}`);
      return exitCodes.stopped;
    }
    if (groupId === undefined) {
      write(
        `There is no group ${agentGroup} here; once there is one, give it ${settingsFile}: chgrp ${agentGroup} ${settingsFile}`,
      );
    }
    return restartService(write);
  },
};

interface TrialQuestion {
  readonly directory: string;
  readonly isEdge: boolean;
  readonly who: string | undefined;
  readonly write: Write;
}

/** Says why not. */
async function isTried(parsed: ParsedArguments, question: TrialQuestion): Promise<boolean> {
  const { directory, isEdge, who, write } = question;
  if (parsed.flag('no-try')) return false;
  if (isEdge) {
    write('Not tried: the services of IoT Edge know the agent by its user, so that it alone can.');
    return false;
  }
  if (!(await runsAs(who, join(resolve(directory), settingsFileName)))) return true;
  write(
    'Not tried: the agent runs as this module already, and two clients of one identity throw each other off.',
  );
  return false;
}

function tell({ configuration, taken, unused, who }: Enrollment, write: Write): void {
  if (taken !== undefined) write('Tried: the hub took it, and the module twin can be read.');
  const [hostName, deviceId, moduleId] = taken
    ? [taken.hostName, taken.deviceId, taken.moduleId]
    : (who?.split('/') ?? []);
  if (moduleId !== undefined) {
    write(`Enrolled as ${deviceId ?? ''}/${moduleId} at ${hostName ?? ''}.`);
  } else if (who !== undefined) write(`Enrolled as ${who} of the provisioning service.`);
  const { isChanged, removedKeys, secrets, settingsFile } = configuration;
  const paths = secrets.map(({ path }) => path);
  const settings = isChanged ? settingsFile : `nothing else; ${settingsFile} stays as it is`;
  write(
    paths.length === 0
      ? `Wrote ${settings}.`
      : `Wrote ${paths.join(', ')} (the secret, for root alone) and ${settings}.`,
  );
  if (removedKeys.length > 0) {
    write(
      `Removed from identity, because what was given takes its place: ${removedKeys.join(', ')}.`,
    );
  }
  if (unused.length > 0) {
    write(
      `Still there, though nothing uses it any more: ${unused.join(', ')}. Unless you want to go back: rm ${unused.join(' ')}`,
    );
  }
  write(markerSentence(configuration));
}

/** What only the owner of the device can tell IoT Edge. */
export function edgeSentence(moduleId = standardModuleId): string {
  const uid = new UserNames(hostPaths).uidOf(agentGroup);
  if (uid === undefined)
    return `The Identity Service of IoT Edge must know the agent's user, which is not there yet: install the package, and enroll again.`;
  return `The Identity Service of IoT Edge must know the agent; unless it does already, ${principalRemedy({ moduleId, uid })}.`;
}

/** Whoever wonders where the messages are learns it before there are any. */
function markerSentence({ settings, settingsFile }: Enrollment['configuration']): string {
  return settings.securityMarker
    ? `Messages carry the security marker, so that a hub with the security service routes them to that service alone; remove "securityMarker" from ${settingsFile} to have them on your own routes.`
    : `Messages go to the routes of your hub. Only where something still reads them as those of the security service, set "securityMarker": true in ${settingsFile}.`;
}

/** The configuration is written: what is left to be done is said when systemd cannot be had. */
async function restartService(write: Write): Promise<number> {
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
