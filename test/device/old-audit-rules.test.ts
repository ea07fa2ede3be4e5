import { execFileSync } from 'node:child_process';
import { machine } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAuditRules } from '../../agent/import/replacement/audit-rules.js';
import { oldAuditRules } from '../../agent/import/replacement/old-audit-rules.js';
import { isUnavailable } from '../../base/unavailable.js';
import { abisOf } from '../../collectors/kernel/audit/syscalls.js';

const auditctl = (words: string): string =>
  execFileSync('auditctl', words.split(' '), { encoding: 'utf8' }).trim();

const ofOwner = '-a always,exit -F arch=b64 -S settimeofday -F key=owner';
/** As the C agent sets them, behind what is there, and as the C# agent does, before it. */
const ways: Readonly<Record<string, readonly string[]>> = {
  'the C agent': [
    ofOwner,
    '-a always,exit -F arch=b64 -S execve,execveat',
    '-a always,exit -F arch=b64 -S connect,accept -F success=1',
  ],
  'the C# agent': [
    ofOwner,
    '-A always,exit -F arch=b64 -S execve,execveat',
    '-A exit,always -F arch=b64 -S accept -F success=1',
    '-A exit,always -F arch=b64 -S connect -F success=1',
  ],
};

beforeEach(() => void auditctl('-D'));
afterEach(() => void auditctl('-D'));

describe('the rules that an old agent left in the kernel', () => {
  it.each(Object.entries(ways))('of %s are taken back and set again', async (_, set) => {
    for (const rule of set) auditctl(rule);
    const before = auditctl('-l');
    const rules = await openAuditRules();
    try {
      const there = await rules.auditRules();
      const [native] = abisOf(machine()) ?? [];
      if (isUnavailable(there) || native === undefined) throw new Error('no audit here');
      const old = oldAuditRules(there, native, []);
      expect(old).toHaveLength(set.length - 1);
      for (const { rule } of old) await rules.deleteAuditRule(rule);
      expect(auditctl('-l')).toBe(ofOwner);
      for (const { rule } of old.filter(({ first }) => first).toReversed())
        await rules.addAuditRule(rule, true);
      for (const { rule } of old.filter(({ first }) => !first))
        await rules.addAuditRule(rule, false);
      expect(auditctl('-l')).toBe(before);
    } finally {
      await rules.close();
    }
  });
});
