import { lstat, readlink, realpath } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isUnavailable, type Unavailable } from '../../../base/unavailable.js';
import { openSystemdManager, type SystemdManager } from '../../supervisor/systemd-manager.js';
import { openAuditRules } from './audit-rules.js';
import { type Host, StepError } from './host.js';

const pauseMs = 100;
/** systemd itself kills what does not stop, after 90 s unless the unit says otherwise. */
const longestStopMs = 100_000;
/** The unit of this agent has 90 s for its start. */
const longestStartMs = 120_000;

/** This device: systemd over its bus, audit over netlink. Everything is done in this process, no program is started. */
export interface SystemHost extends Host {
  close(): Promise<void>;
}

export async function openSystemHost(): Promise<SystemHost | Unavailable> {
  const manager = await openSystemdManager();
  if (isUnavailable(manager)) return manager;
  const rules = await openAuditRules();
  return {
    ...servicesOf(manager),
    ...rules,
    async close() {
      manager.close();
      await rules.close();
    },
  };
}

type Services = Pick<Host, 'service' | 'stop' | 'start' | 'enable' | 'disable'>;

function servicesOf(manager: SystemdManager): Services {
  const look = (unit: string) => {
    const state = manager.state(unit);
    if (isUnavailable(state)) throw new StepError(`${unit}: ${state.unavailable}`);
    return state;
  };
  const done = (what: string, refused: Unavailable | undefined): void => {
    if (refused !== undefined) throw new StepError(`${what}: ${refused.unavailable}`);
  };
  return {
    async service(unit) {
      const { active, file, fragment, load } = look(unit);
      if (load === 'not-found') return undefined;
      const isActive = active !== 'inactive' && active !== 'failed';
      const from = await linkTarget(fragment);
      return { unit, isActive, file, ...(from !== undefined && { linkedFrom: from }) };
    },
    async stop(unit) {
      done(`${unit} could not be stopped`, manager.stop(unit));
      for (let waited = 0; waited < longestStopMs; waited += pauseMs) {
        const { active } = look(unit);
        if (active === 'inactive' || active === 'failed') return;
        await sleep(pauseMs);
      }
      throw new StepError(`${unit} has not stopped within ${longestStopMs / 1000} s`);
    },
    async start(unit, untilItRuns) {
      done(`${unit} could not be started`, manager.restart(unit));
      if (!untilItRuns) return;
      for (let waited = 0; waited < longestStartMs; waited += pauseMs) {
        // The job is in the queue, so that what it was before is not taken for what became of it.
        await sleep(pauseMs);
        const { active, result, sub } = look(unit);
        if (active === 'active') return;
        if (active === 'failed' || active === 'inactive' || sub === 'auto-restart')
          throw new StepError(
            `${unit} did not start (${result === 'success' ? sub : result}); see journalctl -u ${unit}`,
          );
      }
      throw new StepError(`${unit} has not started within ${longestStartMs / 1000} s`);
    },
    enable: ({ file, linkedFrom, unit }) =>
      attempt(() =>
        done(
          `${unit} could not be enabled`,
          manager.enable(linkedFrom ?? unit, file === 'enabled-runtime'),
        ),
      ),
    disable: ({ file, unit }) =>
      attempt(() =>
        done(`${unit} could not be disabled`, manager.disable(unit, file === 'enabled-runtime')),
      ),
  };
}

/** Where a unit file lies that systemd knows by a link: disabling takes the link away. */
async function linkTarget(fragment: string): Promise<string | undefined> {
  if (fragment === '') return undefined;
  const found = await lstat(fragment).catch(() => undefined);
  if (found?.isSymbolicLink() !== true) return undefined;
  // A masked unit is a link to /dev/null.
  if ((await readlink(fragment)) === '/dev/null') return undefined;
  return realpath(fragment);
}

function attempt(step: () => void): Promise<void> {
  return Promise.resolve().then(step);
}
