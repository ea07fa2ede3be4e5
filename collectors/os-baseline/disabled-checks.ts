import { printable } from '../../base/text.js';
import type { TwinSettings } from '../../config/twin-settings.js';
import { type Check, subjects } from './checks/check.js';

/** Names of checks and of groups that are not made, as the twin has them. */
export type DisabledSettings = Pick<
  TwinSettings,
  'baselineChecksDisabled' | 'baselineGroupsDisabled'
>;

export interface EnabledChecks {
  readonly checks: readonly Check[];
  /** How many are switched off. */
  readonly disabled: number;
  /** What names no check, in a sentence. */
  readonly limitation?: string;
}

/**
 * Titles of the parts of the CIS distribution independent Linux benchmark 2.0.0 by which the micro agent switches groups
 * off, and their sections. Words that titles differ in are left out.
 */
const cisParts: Readonly<Record<string, string>> = {
  'initial setup': '1',
  filesystem: '1.1',
  'software updates': '1.2',
  'filesystem integrity checking': '1.3',
  'secure boot': '1.4',
  'additional process hardening': '1.5',
  'mandatory access control': '1.6',
  selinux: '1.6.2',
  apparmor: '1.6.3',
  'warning banners': '1.7',
  services: '2',
  'inetd services': '2.1',
  'special purpose services': '2.2',
  'time synchronization': '2.2.1',
  'service clients': '2.3',
  network: '3',
  'network parameters host': '3.1',
  'network parameters host router': '3.2',
  'tcp wrappers': '3.3',
  'uncommon network protocols': '3.4',
  firewall: '3.5',
  'logging auditing': '4',
  'system accounting auditd': '4.1',
  logging: '4.2',
  'access authentication authorization': '5',
  cron: '5.1',
  'ssh server': '5.2',
  pam: '5.3',
  'user accounts environment': '5.4',
  'system maintenance': '6',
  'system file permissions': '6.1',
  'user group': '6.2',
};

const fillers = new Set(['configure', 'configuration', 'settings', 'only', 'and', 'the']);
const mostNamed = 5;

/** Leaves out what the twin switches off. A name that no check has is no reason to switch anything off, and is told. */
export function enabledChecks(all: readonly Check[], settings: DisabledSettings): EnabledChecks {
  const checks = namesIn(settings.baselineChecksDisabled);
  const groups = namesIn(settings.baselineGroupsDisabled);
  if (checks.length === 0 && groups.length === 0) return { checks: all, disabled: 0 };
  const off = new Set<Check>();
  const unknown: string[] = [];
  const take = (name: string, isMeant: (check: Check) => boolean): void => {
    const meant = all.filter(isMeant);
    if (meant.length === 0) unknown.push(name);
    for (const check of meant) off.add(check);
  };
  for (const name of checks) take(name, isCheck(name));
  for (const name of groups) take(name, isInGroup(name));
  return {
    checks: all.filter((check) => !off.has(check)),
    disabled: off.size,
    ...(unknown.length > 0 && { limitation: sentenceOf(unknown) }),
  };
}

function namesIn(list: string | null): readonly string[] {
  const names = (list ?? '').split(',').map((name) => name.trim());
  return [...new Set(names)].filter((name) => name !== '');
}

function isCheck(name: string): (check: Check) => boolean {
  const wanted = name.toLowerCase();
  // The micro agent's ids end in the section: CIS-debian-9-Filesystem-1.1.2.
  const section = /^(?:cis-.*-)?(\d+(?:\.\d+)+)$/.exec(wanted)?.[1];
  return (check) =>
    (section !== undefined && check.section === section) ||
    [check.id, check.cceId?.trim(), check.ruleId].some((id) => id?.toLowerCase() === wanted);
}

function isInGroup(name: string): (check: Check) => boolean {
  const wanted = wordsOf(name);
  const section = /^\d+(\.\d+)*$/.test(name)
    ? name
    : Object.hasOwn(cisParts, wanted)
      ? cisParts[wanted]
      : undefined;
  return ({ section: own, subject }) =>
    subject === name.toLowerCase() ||
    wordsOf(subjects[subject]) === wanted ||
    (section !== undefined && (own === section || own?.startsWith(`${section}.`) === true));
}

function wordsOf(title: string): string {
  const words = title.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  return words.filter((word) => !fillers.has(word)).join(' ');
}

function sentenceOf(unknown: readonly string[]): string {
  const shown = unknown.slice(0, mostNamed).map((name) => `"${printable(name, 40)}"`);
  const more = unknown.length > mostNamed ? ` and ${unknown.length - mostNamed} more` : '';
  return `The twin switches off ${shown.join(', ')}${more}, which no check or group is called.`;
}
