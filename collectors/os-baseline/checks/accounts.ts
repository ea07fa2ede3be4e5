import { hasLoginShell, plusLinesOf } from '../facts/accounts.js';
import { check, type Check, failIf, listed, notApplicable } from './check.js';

const nobodyUid = 65534;

/** What several of `things` share, as `key (name, name)`. */
function shared<T>(
  things: readonly T[],
  keyOf: (thing: T) => string,
  nameOf: (thing: T) => string,
) {
  const byKey = new Map<string, T[]>();
  for (const thing of things) {
    const same = byKey.get(keyOf(thing));
    if (same === undefined) byKey.set(keyOf(thing), [thing]);
    else same.push(thing);
  }
  return listed(
    [...byKey].flatMap(([key, some]) =>
      some.length > 1 ? [`${key} (${listed(some.map(nameOf))})`] : [],
    ),
  );
}

export const accountChecks: readonly Check[] = [
  check({
    id: 'account-uid-zero',
    subject: 'accounts',
    title: 'Only root has the rights of root',
    severity: 'Critical',
    expected: 'no account but root with uid 0',
    remedy: 'Give each of them a uid of its own with usermod -u, or remove it.',
    section: '6.2.5',
    cceId: 'CCE-4009-7',
    ruleId: '7de0f0e6-f97b-4e12-8f9e-c6538ca5a85b',
    needs: ['accounts'],
    judge: ({ all }) =>
      failIf(
        listed(all.filter(({ uid, name }) => uid === 0 && name !== 'root').map(({ name }) => name)),
      ),
  }),
  check({
    id: 'account-duplicate-uid',
    subject: 'accounts',
    title: 'Each account has a uid of its own',
    severity: 'Important',
    expected: 'no uid twice in /etc/passwd',
    remedy: 'Give one of each a uid of its own with usermod -u, and its files to it.',
    section: '6.2.16',
    ruleId: 'df7fd9e2-0cd0-47c1-92b0-f3cab6e06869',
    needs: ['accounts'],
    judge: ({ all }) =>
      failIf(
        shared(
          all,
          ({ uid }) => String(uid),
          ({ name }) => name,
        ),
      ),
  }),
  check({
    id: 'account-duplicate-name',
    subject: 'accounts',
    title: 'Each account has a name of its own',
    severity: 'Important',
    expected: 'no name twice in /etc/passwd',
    remedy: 'Remove or rename one of each in /etc/passwd and /etc/shadow.',
    section: '6.2.18',
    ruleId: '017e0242-25b9-2c72-7ac6-d601086f5c8b',
    needs: ['accounts'],
    judge: ({ all }) =>
      failIf(
        shared(
          all,
          ({ name }) => name,
          ({ uid }) => String(uid),
        ),
      ),
  }),
  check({
    id: 'group-duplicate-gid',
    subject: 'accounts',
    title: 'Each group has a gid of its own',
    severity: 'Important',
    expected: 'no gid twice in /etc/group',
    remedy: 'Give one of each a gid of its own with groupmod -g, and its files to it.',
    section: '6.2.17',
    ruleId: '70f3d785-1410-440f-6f6d-79b051039d21',
    needs: ['groups'],
    judge: (groups) =>
      failIf(
        shared(
          groups,
          ({ gid }) => String(gid),
          ({ name }) => name,
        ),
      ),
  }),
  check({
    id: 'group-duplicate-name',
    subject: 'accounts',
    title: 'Each group has a name of its own',
    severity: 'Important',
    expected: 'no name twice in /etc/group',
    remedy: 'Remove or rename one of each in /etc/group and /etc/gshadow.',
    section: '6.2.19',
    ruleId: 'bc5844b6-7e40-4f2f-7e81-1cbd18885dae',
    needs: ['groups'],
    judge: (groups) =>
      failIf(
        shared(
          groups,
          ({ name }) => name,
          ({ gid }) => String(gid),
        ),
      ),
  }),
  check({
    id: 'account-group-exists',
    subject: 'accounts',
    title: 'The group of each account exists',
    severity: 'Warning',
    expected: 'each gid of /etc/passwd in /etc/group',
    remedy: 'Create the group with groupadd -g, or give the account another with usermod -g.',
    section: '6.2.15',
    ruleId: '835a98f5-46da-5332-6b45-38df223e9d9a',
    needs: ['accounts', 'groups'],
    judge({ all }, groups) {
      const known = new Set(groups.map(({ gid }) => gid));
      const lost = all.filter(({ gid }) => !known.has(gid));
      return failIf(listed(lost.map(({ name, gid }) => `${name} (${gid})`)));
    },
  }),
  check({
    id: 'account-plus-entries',
    subject: 'accounts',
    title: 'No line of the file of accounts asks a directory service of old',
    severity: 'Important',
    expected: 'no line of /etc/passwd that begins with +',
    remedy: 'Remove these lines from /etc/passwd; name directory services in /etc/nsswitch.conf.',
    section: '6.2.2',
    ruleId: 'cc627f0c-3b72-6cc9-36b0-d2a3957431f4',
    needs: ['accounts'],
    judge: ({ plusLines }) => failIf(plusLines > 0 && `lines that begin with +: ${plusLines}`),
  }),
  check({
    id: 'group-plus-entries',
    subject: 'accounts',
    title: 'No line of the file of groups asks a directory service of old',
    severity: 'Important',
    expected: 'no line of /etc/group that begins with +',
    remedy: 'Remove these lines from /etc/group; name directory services in /etc/nsswitch.conf.',
    section: '6.2.4',
    ruleId: 'b487e075-15b4-0df1-550f-d8d5edd78eb4',
    needs: ['text:/etc/group'],
    judge(text) {
      const count = plusLinesOf(text);
      return failIf(count > 0 && `lines that begin with +: ${count}`);
    },
  }),
  check({
    id: 'account-system-shell',
    subject: 'accounts',
    title: 'Accounts of services have no shell to log in with',
    severity: 'Important',
    expected: 'nologin or false as the shell of each account below UID_MIN but root',
    remedy: 'Run usermod -s /usr/sbin/nologin NAME for each.',
    ruleId: '448b668a-738c-420b-b332-51ea49922933',
    needs: ['accounts', '?loginDefs'],
    judge({ all }, loginDefs) {
      const firstPerson = Number(loginDefs?.get('UID_MIN') ?? 1000) || 1000;
      const able = all.filter(
        (account) =>
          account.uid !== 0 &&
          (account.uid < firstPerson || account.uid === nobodyUid) &&
          hasLoginShell(account),
      );
      return failIf(listed(able.map(({ name, shell }) => `${name} (${shell || '/bin/sh'})`)));
    },
  }),
  check({
    id: 'account-root-gid',
    subject: 'accounts',
    title: 'What root makes belongs to no other group',
    severity: 'Important',
    expected: 'gid 0 for root in /etc/passwd',
    remedy: 'Run usermod -g 0 root.',
    section: '5.4.3',
    ruleId: '732fa92f-647e-47b8-b5a4-fdf00b02d9e2',
    needs: ['accounts'],
    judge({ all }) {
      const root = all.find(({ name }) => name === 'root');
      if (root === undefined) return notApplicable('there is no account root');
      return failIf(root.gid !== 0 && `gid ${root.gid}`);
    },
  }),
  check({
    id: 'group-root',
    subject: 'accounts',
    title: 'The group of root exists and holds nobody without the rights of root',
    severity: 'Critical',
    expected: 'a group root with gid 0, and no members but accounts with uid 0',
    remedy: 'Create it with groupadd -g 0 root; take others out with gpasswd -d NAME root.',
    cceId: 'CCE-14088-9',
    ruleId: '8cac0c32-1add-42b9-9300-5ccb9f91aab3',
    needs: ['groups', 'accounts'],
    judge(groups, { all }) {
      const root = groups.find(({ name }) => name === 'root');
      if (root === undefined) return failIf('there is no group root');
      if (root.gid !== 0) return failIf(`gid ${root.gid}`);
      const able = new Set(all.filter(({ uid }) => uid === 0).map(({ name }) => name));
      return failIf(listed(root.members.filter((name) => !able.has(name))));
    },
  }),
  check({
    id: 'group-shadow-empty',
    subject: 'accounts',
    title: 'Nobody can read password hashes through the group shadow',
    severity: 'Critical',
    expected: 'no members in the group shadow, and no account whose own group it is',
    remedy: 'Take them out with gpasswd -d NAME shadow, or give the account another group.',
    section: '6.2.20',
    ruleId: 'cbdc33fa-0f1c-0a90-7fe9-8ef1cf6643c2',
    needs: ['groups', 'accounts'],
    judge(groups, { all }) {
      const shadow = groups.find(({ name }) => name === 'shadow');
      if (shadow === undefined) return notApplicable('there is no group shadow');
      const own = all.filter(({ gid }) => gid === shadow.gid).map(({ name }) => name);
      return failIf(listed([...new Set([...shadow.members, ...own])]));
    },
  }),
];
