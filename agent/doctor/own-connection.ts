import { plainReason } from '../../base/errors.js';
import { lockHolder } from '../spool/lock.js';
import type { Unanswered } from '../status/client.js';
import type { StatusDocument } from '../status/document.js';

/** Why doctor may not connect as the module. */
export interface Hindrance {
  /** Completes "…, because …". */
  readonly because: string;
  /** The agent runs for certain, and its own status answers. */
  readonly status?: StatusDocument;
}

const apart = 'two clients of one identity throw each other off';

export function besideAgent(status: StatusDocument): Hindrance {
  return { because: `the agent runs (pid ${status.agent.pid}) and ${apart}`, status };
}

/**
 * Whether this process may connect as the module. A hub has one connection for an identity: a second client ends that of
 * the first, which comes back and ends the second's. So nobody connects beside an agent that runs or may be running.
 * @param spoolDirectory which a running agent holds, whoever may ask for its status
 */
export async function hindrance(
  answer: StatusDocument | Unanswered,
  spoolDirectory: string,
): Promise<Hindrance | undefined> {
  if ('agent' in answer) return besideAgent(answer);
  if (answer.forbidden) {
    return { because: `the agent may be running, which this user may not ask, and ${apart}` };
  }
  try {
    const pid = await lockHolder(spoolDirectory);
    return pid === undefined
      ? undefined
      : { because: `an agent that does not answer runs (pid ${pid}) and ${apart}` };
  } catch (error) {
    return {
      because: `${spoolDirectory} does not tell whether an agent runs (${plainReason(error)}), and ${apart}`,
    };
  }
}
