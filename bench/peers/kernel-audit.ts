import { execFileSync } from 'node:child_process';

const auditctl = (...args: readonly string[]): string =>
  execFileSync('auditctl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

export type AuditStatus = Readonly<Record<string, string>>;

/** What `auditctl -s` says, by name. */
export function auditStatus(): AuditStatus {
  return Object.fromEntries(
    auditctl('-s')
      .trim()
      .split('\n')
      .map((line) => [line.split(' ', 1)[0] ?? '', line.slice(line.indexOf(' ') + 1)]),
  );
}

/** Records that the kernel had no room for, since it was booted. */
export const auditLost = (): number => Number(auditStatus()['lost'] ?? 0);

/** The rules in force, one in a line, as `auditctl` takes them. */
export function auditRules(): readonly string[] {
  const text = auditctl('-l').trim();
  return text === 'No rules' ? [] : text.split('\n');
}

/** Why this machine's audit cannot be used: somebody else uses it, or there is none. */
export function auditObjection(): string | undefined {
  try {
    const { pid } = auditStatus();
    if (pid !== '0') return `process ${pid ?? '?'} has kernel audit: stop it first`;
    if (auditRules().length > 0) return 'audit rules are set: remove them first (auditctl -D)';
    return undefined;
  } catch (error) {
    return `auditctl cannot be used (package auditd, and root): ${(error as Error).message}`;
  }
}

/**
 * Rules of the agent for another reader: with its process where the agent's stood, whose own calls are told to nobody. What
 * `auditctl` lists it does not always take again, which then ends in an error that names the rule.
 */
export function setAuditRules(rules: readonly string[], readerPid: number): void {
  for (const rule of rules) {
    const words = rule
      .replace(/pid!=\d+/, `pid!=${readerPid}`)
      .replace(/key=\S+/, 'key=bench-peers')
      .split(' ');
    auditctl(...words);
  }
}

/** Sets what of audit is set to what it was: no rules, and the values of `status`. */
export function restoreAudit(status: AuditStatus): void {
  auditctl('-D');
  auditctl('-b', status['backlog_limit'] ?? '64');
  auditctl('--backlog_wait_time', status['backlog_wait_time'] ?? '15000');
  auditctl('-f', status['failure'] ?? '1');
  auditctl('-e', status['enabled']?.split(' ', 1)[0] ?? '0');
}

/** Audit switched on, with room for so many records, for which a call waits so long when there is none. */
export function prepareAudit(backlogLimit: number, backlogWait: number): void {
  auditctl('-b', String(backlogLimit));
  auditctl('--backlog_wait_time', String(backlogWait));
  auditctl('-e', '1');
}
