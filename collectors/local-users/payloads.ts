import type { Details, Payload } from '../../contract/events.js';
import type { Account, Password, PasswordRecord } from '../kernel/files/account-lines.js';
import type { Memberships } from './memberships.js';

export interface LocalAccounts {
  readonly accounts: readonly Account[];
  readonly memberships: Memberships;
  /** /etc/group was read. */
  readonly groupsKnown: boolean;
  /** By name; undefined where /etc/shadow could not be read. */
  readonly passwords: ReadonlyMap<string, PasswordRecord> | undefined;
  /** Services that are asked for further users, and were not. */
  readonly directories: readonly string[];
}

const dayMs = 86_400_000;
const longestText = 1024;
const mostNames = 20;

/** One payload for each line of /etc/passwd, in its order. */
export function toPayloads(found: LocalAccounts): Payload<'LocalUsers'>[] {
  const namesByUid = new Map<number, string[]>();
  for (const { uid, name } of found.accounts) {
    const names = namesByUid.get(uid);
    if (names === undefined) namesByUid.set(uid, [name]);
    else names.push(name);
  }
  const seen = new Set<string>();
  return found.accounts.map((account) => {
    const isSecond = seen.has(account.name);
    seen.add(account.name);
    const same = (namesByUid.get(account.uid) ?? []).filter((name) => name !== account.name);
    const missing = found.groupsKnown ? '(no such group)' : '(not known)';
    const groups = found.memberships.of(account.name, account.gid, missing);
    return {
      UserId: String(account.uid),
      UserName: account.name.slice(0, longestText),
      GroupIds: groups.ids,
      GroupNames: groups.names,
      ExtraDetails: {
        Home: account.home.slice(0, longestText),
        Shell: account.shell.slice(0, longestText),
        ...passwordDetails(account, found.passwords),
        ...(same.length > 0 && { SameUserId: [...new Set(same)].slice(0, mostNames).join(';') }),
        ...(isSecond && { SameName: 'true' }),
        ...(!found.groupsKnown && { GroupsKnown: 'false' }),
        ...(groups.leftOut > 0 && { GroupsLeftOut: String(groups.leftOut) }),
        ...(found.directories.length > 0 && { NotEnumerated: found.directories.join(';') }),
      } satisfies Details<'LocalUsers'>,
    };
  });
}

/** Whether there is a hash behind the lock, the algorithm says. */
const told: Readonly<Record<Password['state'], string>> = {
  empty: 'empty',
  set: 'set',
  locked: 'locked',
  none: 'locked',
};

function passwordDetails(
  account: Account,
  passwords: ReadonlyMap<string, PasswordRecord> | undefined,
): Details<'LocalUsers'> {
  const record = passwords?.get(account.name);
  if (account.password === 'elsewhere' && passwords === undefined)
    return { PasswordKnown: 'false' };
  const password = account.password === 'elsewhere' ? record?.password : account.password;
  const { changedDay, expiresDay } = record ?? {};
  return {
    Password: password === undefined ? 'absent' : told[password.state],
    ...(password?.algorithm !== undefined && { PasswordAlgorithm: password.algorithm }),
    ...(changedDay !== undefined && changedDay > 0 && { PasswordChanged: isoDay(changedDay) }),
    ...(changedDay === 0 && { PasswordMustChange: 'true' }),
    ...(expiresDay !== undefined && { AccountExpires: isoDay(expiresDay) }),
  };
}

function isoDay(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, -14);
}
