import { join } from 'node:path';
import { systemClock } from '../../base/clock.js';
import { standardLocalSettings, type LocalResult } from '../../config/parse-local-settings.js';
import { readLocalSettings } from '../../config/read-local-settings.js';
import { readProxy } from '../identity/modes/proxy.js';
import { stateNames } from '../state/state-directory.js';
import { askStatus, type Unanswered } from '../status/client.js';
import type { StatusDocument } from '../status/document.js';
import { statusSocket } from '../status/service.js';
import { findAgentUser } from './agent-user.js';
import { checkConfiguration } from './configuration.js';
import { checkClockAgainst, checkConnection } from './connection.js';
import { unknown, type Finding } from './finding.js';
import { checkHost } from './host.js';
import { hindrance } from './own-connection.js';
import { checkTwin, tellByStatus } from './twin.js';

interface ExaminationOptions {
  readonly configFile: string;
  /** Whether to send a test message. */
  readonly send: boolean;
}

export interface Examination {
  /** In the order in which they are told. */
  readonly findings: readonly Finding[];
  readonly read: LocalResult;
  readonly answer: StatusDocument | Unanswered;
}

/** Looks at everything that a working agent needs. Changes nothing on the device, and does not disturb the agent. */
export async function examine({ configFile, send }: ExaminationOptions): Promise<Examination> {
  const read = await readLocalSettings(configFile);
  const settings = 'settings' in read ? read.settings : standardLocalSettings();
  const answer = await askStatus(statusSocket(settings.runtimeDirectory));
  const user = await findAgentUser(answer, configFile);
  const { credentials, findings, refusedBy } = await checkConfiguration({
    configFile,
    read,
    user,
    answer,
  });
  const access = user.ids === undefined ? {} : { ids: user.ids };
  const proxy = (): ReturnType<typeof readProxy> => readProxy(settings, access);
  const wallMs = (): number => systemClock.wallMs();
  const toHub = async (): Promise<readonly Finding[]> => {
    if (credentials === undefined) {
      const found = 'the way to the hub is not known without the credentials';
      const clock =
        refusedBy === undefined ? [] : [await checkClockAgainst(refusedBy, proxy, wallMs)];
      return [unknown('dns', found), ...clock, ...tellByStatus(answer, send)];
    }
    const way = await checkConnection({
      credentials,
      transport: settings.transport,
      proxy,
      wallMs,
    });
    // What stands in the way has been told.
    if (way.some(({ verdict }) => verdict === 'mend'))
      return [...way, ...tellByStatus(answer, send)];
    const hindered = await hindrance(answer, join(settings.stateDirectory, stateNames.spool));
    return [...way, ...(await checkTwin({ settings, credentials, access, hindered, send }))];
  };
  const { inventoryDirectory } = settings;
  const [connection, host] = await Promise.all([
    toHub(),
    checkHost({ answer, inventoryDirectory }),
  ]);
  return { findings: [...findings, ...connection, ...host], read, answer };
}
