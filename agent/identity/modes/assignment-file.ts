import { join } from 'node:path';
import { isJsonObject, parseJson } from '../../../base/json.js';
import { stateNames } from '../../state/state-directory.js';
import { readStateFile, writeFileAtomically } from '../../state/state-file.js';
import { isAssignment, type Assignment } from '../services/provisioning.js';

const maxBytes = 4096;

/** Which device, as which provisioning service knows it. */
export interface Registered {
  readonly endpoint: string;
  readonly idScope: string;
  readonly registrationId: string;
}

/** The hub that was assigned last, kept for starts at which the provisioning service is not reached. Holds no secret. */
export class AssignmentFile {
  private readonly path: string;

  constructor(stateDirectory: string) {
    this.path = join(stateDirectory, stateNames.assignment);
  }

  /** Undefined when none is kept for this registration, or what is kept cannot be read. */
  async read(registered: Registered): Promise<Assignment | undefined> {
    try {
      const kept = parseJson((await readStateFile(this.path, maxBytes)) ?? 'null');
      if (!isJsonObject(kept)) return undefined;
      const names = ['endpoint', 'idScope', 'registrationId'] as const;
      if (names.some((key) => kept[key] !== registered[key])) return undefined;
      const assignment = { hostName: kept['hostName'], deviceId: kept['deviceId'] };
      return isAssignment(assignment) ? assignment : undefined;
    } catch {
      // Of no more use than none: the provisioning service is asked.
      return undefined;
    }
  }

  /** @throws NodeJS.ErrnoException */
  async write(registered: Registered, { hostName, deviceId }: Assignment): Promise<void> {
    const { endpoint, idScope, registrationId } = registered;
    const kept = { endpoint, idScope, registrationId, hostName, deviceId };
    await writeFileAtomically(this.path, `${JSON.stringify(kept)}\n`);
  }
}
