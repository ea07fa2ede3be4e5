import { reasonOf } from '../../../base/errors.js';
import { isUnavailable } from '../../../base/unavailable.js';
import { type Host, isEnabled, StepError } from './host.js';
import type { Before } from './journal.js';
import { restoreFile } from './kept-files.js';

interface UndoOptions {
  readonly host: Host;
  readonly before: Before;
  readonly tell: (sentence: string) => void;
}

/**
 * Makes the device what it was before an import. May be repeated, and begun after any of its steps.
 *
 * 1. This agent has ended before an old one starts; when it cannot be ended, nothing else is done.
 * 2. A step that fails keeps no later one from being tried.
 * @returns what could not be done, a clause each
 */
export async function undo({ host, before, tell }: UndoOptions): Promise<readonly string[]> {
  const { files, old, own, rules } = before;
  const left: string[] = [];
  const attempt = async (step: () => Promise<void>): Promise<boolean> => {
    try {
      await step();
      return true;
    } catch (error) {
      left.push(reasonOf(error));
      return false;
    }
  };
  const stopped = await attempt(async () => {
    const now = await host.service(own.unit);
    if (now?.isActive === true) {
      await host.stop(own.unit);
      tell(`Stopped ${own.unit}.`);
    }
    if (own.file === 'disabled' && now !== undefined && isEnabled(now)) await host.disable(now);
  });
  if (!stopped) return left;
  for (const file of files) await attempt(() => restoreFile(file));
  await attempt(() => putRulesBack(before, host));
  if (rules.length > 0) tell(`Set the audit rules of the old agent again: ${rules.length}.`);
  for (const service of old) {
    await attempt(async () => {
      const now = await host.service(service.unit);
      if (isEnabled(service) && (now === undefined || !isEnabled(now))) {
        await host.enable(service);
        tell(`Enabled ${service.unit}.`);
      }
      if (service.isActive && now?.isActive !== true) {
        await host.start(service.unit, false);
        tell(`Started ${service.unit}.`);
      }
    });
  }
  if (own.isActive) await attempt(() => host.start(own.unit, true));
  return left;
}

/** In the order in which they were: the first ones one before the other, the others behind what is there by now. */
async function putRulesBack({ rules }: Before, host: Host): Promise<void> {
  if (rules.length === 0) return;
  const there = await host.auditRules();
  if (isUnavailable(there)) throw new StepError(there.unavailable);
  const missing = rules.filter(({ rule }) => !there.some((other) => other.equals(rule)));
  for (const { rule } of missing.filter(({ first }) => first).toReversed())
    await host.addAuditRule(rule, true);
  for (const { rule } of missing.filter(({ first }) => !first))
    await host.addAuditRule(rule, false);
}
