import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Expected,
  journalPath,
  readJournal,
} from '../../../agent/import/replacement/journal.js';
import {
  isOldAuditRule,
  oldAuditRules,
} from '../../../agent/import/replacement/old-audit-rules.js';
import { replaceOldAgents } from '../../../agent/import/replacement/replace.js';
import { undo } from '../../../agent/import/replacement/undo.js';
import { FakeHost } from '../../support/fake-host.js';
import { auditRule } from '../../support/audit-rule.js';

const own = 'iot-security-agent.service';
const old = 'ASCIoTAgent.service';
const arch = 0xc000003e;

const theirs = auditRule({ arch, calls: [59], success: false, key: 'watch' });
const programs = auditRule({ arch, calls: [59, 322], success: false });
const connections = auditRule({ arch, calls: [42, 43], success: true });

let root = '';
let directory = '';
let state = '';
let host: FakeHost;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'replace-'));
  directory = join(root, 'etc');
  state = join(root, 'state');
  mkdirSync(directory);
  host = new FakeHost();
  host.add(own, false, 'disabled');
  host.add(old, true, 'enabled');
  host.rules = [programs, theirs, connections];
  writeFileSync(join(directory, 'agent.json'), '{"before": true}', { mode: 0o640 });
});
afterEach(() => rmSync(root, { recursive: true }));

const files = (): readonly string[] =>
  ['module.key', 'agent.json'].map((name) => join(directory, name));
const everything = (): unknown => ({
  host: host.state(),
  names: readdirSync(directory).toSorted(),
  text: readFileSync(join(directory, 'agent.json'), 'utf8'),
  mode: statSync(join(directory, 'agent.json')).mode,
});
const expected: Expected = {
  ownUnit: own,
  oldUnits: [old],
  get directory() {
    return directory;
  },
  fileNames: ['agent.json', 'module.key'],
  isOldRule: (rule) => isOldAuditRule(rule, 'x86_64'),
};

async function replace(): Promise<void> {
  const [ownState, oldState] = [await host.service(own), await host.service(old)];
  if (ownState === undefined || oldState === undefined) throw new Error('a unit is missing');
  await replaceOldAgents({
    host,
    own: ownState,
    old: [oldState],
    rules: oldAuditRules(host.rules, 'x86_64', []),
    journal: journalPath(state),
    stateOwner: undefined,
    files: files(),
    write: () => {
      for (const path of files()) writeFileSync(path, 'new');
      return host.failAt === -1 ? Promise.reject(new Error('no room')) : Promise.resolve();
    },
    tell: () => undefined,
  });
}

async function takeBack(): Promise<readonly string[]> {
  const before = await readJournal(journalPath(state), expected);
  if (before === undefined) throw new Error('no journal');
  return undo({ host, before, tell: () => undefined });
}

describe('replacing an old agent', () => {
  it('ends and disables it, takes its rules back and starts this one, never both at once', async () => {
    await replace();
    expect(host.done).toEqual([
      `stop ${old}`,
      `disable ${old}`,
      'delete a rule',
      'delete a rule',
      `enable ${own}`,
      `start ${own}`,
    ]);
    expect(host.rules).toEqual([theirs]);
    expect(host.ranTogether).toBe(false);
  });

  it('can be undone, exactly', async () => {
    const before = everything();
    await replace();
    expect(everything()).not.toEqual(before);
    expect(await takeBack()).toEqual([]);
    rmSync(join(directory, 'before-import'), { recursive: true });
    expect(everything()).toEqual(before);
    expect(host.ranTogether).toBe(false);
  });

  it.each([1, 2, 3, 4, 5, 6, -1])(
    'is undone by itself when step %d of it fails',
    async (failAt) => {
      host.failAt = failAt;
      const before = everything();
      await expect(replace()).rejects.toThrow(/Everything is as it was\.$/);
      expect(everything()).toEqual(before);
      expect(existsSync(journalPath(state))).toBe(false);
      expect(host.ranTogether).toBe(false);
    },
  );

  it('says what could not be undone, and can be undone later', async () => {
    const before = everything();
    host.failAt = 6;
    const add = host.addAuditRule.bind(host);
    host.addAuditRule = () => Promise.reject(new Error('the rules are locked'));
    await expect(replace()).rejects.toThrow(
      /Not all could be undone: the rules are locked.*--undo/,
    );
    host.addAuditRule = add;
    expect(await takeBack()).toEqual([]);
    rmSync(join(directory, 'before-import'), { recursive: true });
    expect(everything()).toEqual(before);
  });

  it('does not start the old one where this one does not stop', async () => {
    await replace();
    host.stop = () => Promise.reject(new Error('it does not stop'));
    expect(await takeBack()).toEqual(['it does not stop']);
    expect(host.services.get(old)?.isActive).toBe(false);
  });

  it('is refused a second time, before anything is changed', async () => {
    await replace();
    const before = everything();
    await expect(replace()).rejects.toThrow(/undo that first.*Nothing was changed/);
    expect(everything()).toEqual(before);
  });

  it('changes nothing where the journal cannot be written', async () => {
    writeFileSync(state, 'a file');
    const before = everything();
    await expect(replace()).rejects.toThrow(/could not be written.*Nothing was changed\.$/);
    expect(everything()).toEqual(before);
  });

  it('keeps the configuration of before for root alone', async () => {
    await replace();
    expect(statSync(join(directory, 'before-import')).mode & 0o777).toBe(0o700);
    expect(readFileSync(journalPath(state), 'utf8')).not.toContain('before": true');
    expect(statSync(journalPath(state)).mode & 0o777).toBe(0o600);
  });
});

describe('a journal that an import did not write', () => {
  async function forged(change: (journal: Record<string, unknown>) => void): Promise<unknown> {
    await replace();
    const path = journalPath(state);
    const journal = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    change(journal);
    writeFileSync(path, JSON.stringify(journal));
    return readJournal(path, expected).catch((error: unknown) => String(error));
  }

  it.each<[string, (journal: Record<string, unknown>) => void]>([
    [
      'another service',
      (journal) => (journal['old'] = [{ unit: 'sshd.service', isActive: true, file: 'enabled' }]),
    ],
    [
      'a unit file of another name',
      (journal) =>
        (journal['old'] = [
          { unit: old, isActive: true, file: 'linked', linkedFrom: '/tmp/evil.service' },
        ]),
    ],
    ['another file', (journal) => (journal['files'] = [{ path: '/etc/passwd', wasThere: false }])],
    [
      'a way out of the directory',
      (journal) => (journal['files'] = [{ path: `${directory}/../passwd`, wasThere: false }]),
    ],
    [
      'another rule',
      (journal) => (journal['rules'] = [{ first: true, rule: theirs.toString('base64') }]),
    ],
    ['no rule', (journal) => (journal['rules'] = [{ first: true, rule: '' }])],
    ['another format', (journal) => (journal['format'] = 'other')],
  ])('with %s is refused whole', async (_, change) => {
    expect(await forged(change)).toMatch(/is not what an import of this version writes/);
  });

  it('that others may write to is refused', async () => {
    await replace();
    chmodSync(journalPath(state), 0o666);
    await expect(readJournal(journalPath(state), expected)).rejects.toThrow(/not to be trusted/);
  });
});

describe('the audit rules of the old agents', () => {
  const accept = auditRule({ arch, calls: [43], success: true });
  const connect = auditRule({ arch, calls: [42], success: true });

  it('are known by what they record, in any order of their fields', () => {
    const turned = auditRule({ arch, calls: [42, 43], success: true, turned: true });
    const rules = [programs, connections, accept, connect, turned];
    expect(oldAuditRules(rules, 'x86_64', []).map(({ rule }) => rule)).toEqual(rules);
  });

  it('are not those of somebody else', () => {
    const others = [
      theirs,
      auditRule({ arch, calls: [59, 322], success: true }),
      auditRule({ arch, calls: [59], success: false }),
      auditRule({ arch, calls: [42, 43, 288], success: true }),
      auditRule({ arch, calls: [42, 43], success: true, uid: 1000 }),
      auditRule({ arch: 0x40000003, calls: [42, 43], success: true }),
      auditRule({ arch, calls: [42, 43], success: true, key: 'k' }),
      Buffer.alloc(10),
    ];
    expect(oldAuditRules(others, 'x86_64', [])).toEqual([]);
  });

  it('stay where the owner of the device has written the same down', () => {
    const written = [
      '# -a always,exit -S connect -S accept\n-a always,exit -F arch=b64 -S execveat,execve\n',
      '-a always,exit -F arch=b64 -S accept -S connect -F success=1 -k net\n',
    ];
    const left = oldAuditRules([programs, connections], 'x86_64', written);
    expect(left.map(({ rule }) => rule)).toEqual([connections]);
  });
});
