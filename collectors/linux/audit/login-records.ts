import { isIP } from 'node:net';
import type { AuditRecord } from './event.js';
import {
  type AuditFields,
  decimal,
  parseFields,
  plainText,
  untrustedPath,
  untrustedText,
} from './record.js';

/**
 * What a record says about a login: `identified` is the kernel's own word that a process got its login uid, `ports`
 * the addresses of an encrypted session, the rest are the stations of a login that PAM and the login programs tell.
 */
export type LoginStation =
  'identified' | 'ports' | 'authentication' | 'account' | 'error' | 'login' | 'open' | 'close';

/** Types of the records that tell of logins (`uapi/linux/audit.h`, and `libaudit.h` for those of user space). */
export const loginRecordTypes = {
  LOGIN: 1006,
  USER_AUTH: 1100,
  USER_ACCT: 1101,
  USER_START: 1105,
  USER_END: 1106,
  USER_ERR: 1109,
  USER_LOGIN: 1112,
  CRYPTO_SESSION: 2407,
} as const;

const stations: ReadonlyMap<number, LoginStation> = new Map([
  [loginRecordTypes.LOGIN, 'identified'],
  [loginRecordTypes.USER_AUTH, 'authentication'],
  [loginRecordTypes.USER_ACCT, 'account'],
  [loginRecordTypes.USER_START, 'open'],
  [loginRecordTypes.USER_END, 'close'],
  [loginRecordTypes.USER_ERR, 'error'],
  [loginRecordTypes.USER_LOGIN, 'login'],
  [loginRecordTypes.CRYPTO_SESSION, 'ports'],
]);

/** One record of a login; whatever is absent it does not say. */
export interface LoginRecord {
  readonly station: LoginStation;
  readonly timeMs: number;
  readonly pid: number;
  readonly succeeded: boolean;
  /** As the program calls it: `PAM:authentication`, `login`, `pubkey_auth`. */
  readonly operation: string;
  readonly executable?: string;
  readonly userName?: string;
  readonly userId?: number;
  /** IPv4 or IPv6 text, IPv4-mapped folded, without a zone. */
  readonly remoteAddress?: string;
  /** A name that stands where the address should. */
  readonly remoteHost?: string;
  readonly remotePort?: string;
  readonly localPort?: string;
  /** Without /dev/. */
  readonly terminal?: string;
  readonly sessionId?: number;
  /** Real uid of the process that asked. */
  readonly callerUserId?: number;
}

/** The record, if it tells of a login; undefined for any other, and for one without a process. */
export function readLoginRecord(record: AuditRecord): LoginRecord | undefined {
  const station = stations.get(record.type);
  if (station === undefined) return undefined;
  const fields = parseFields(record.body);
  const pid = decimal(fields.get('pid'));
  if (pid === undefined) return undefined;
  return {
    station,
    timeMs: record.timeMs,
    pid,
    succeeded: /^(?:success|yes|1)$/u.test(plainText(fields.get('res')) ?? ''),
    operation: plainText(fields.get('op')) ?? '',
    ...some('executable', untrustedPath(fields.get('exe'))),
    ...some('userName', userNameOf(fields)),
    ...some('userId', decimal(fields.get(station === 'identified' ? 'auid' : 'id'))),
    ...remoteOf(fields),
    ...some('remotePort', portOf(fields.get('rport'))),
    ...some('localPort', portOf(fields.get('lport'))),
    ...some('terminal', terminalOf(fields)),
    ...some('sessionId', decimal(fields.get('ses'))),
    ...some('callerUserId', decimal(fields.get('uid'))),
  };
}

/**
 * sshd hides a name that the device does not know behind `(invalid user)` or `(unknown user)`. `ID` is what auditd
 * adds to an enriched log.
 */
export function isPlaceholder(userName: string | undefined): boolean {
  return userName === undefined || /^\((?:invalid|unknown)(?: user)?\)$/u.test(userName);
}

function userNameOf(fields: AuditFields): string | undefined {
  const name = untrustedText(fields.get('acct')) ?? untrustedText(fields.get('ID'));
  return name === '' || name === '?' || name === 'unset' ? undefined : name;
}

function remoteOf(fields: AuditFields): Pick<LoginRecord, 'remoteAddress' | 'remoteHost'> {
  const host = plainText(fields.get('hostname'));
  const address = addressOf(plainText(fields.get('addr'))) ?? addressOf(host);
  if (address !== undefined) return { remoteAddress: address };
  return host === undefined ? {} : { remoteHost: host };
}

/** An address as payloads show it: IPv4-mapped IPv6 folded, no zone; undefined for what is none. */
export function addressOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const bare = text.replace(/%.*$/u, '');
  const folded = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/iu.exec(bare)?.[1] ?? bare;
  return isIP(folded) === 0 ? undefined : folded;
}

function portOf(raw: string | undefined): string | undefined {
  const port = decimal(raw);
  return port === undefined || port <= 0 || port > 65_535 ? undefined : String(port);
}

/** `ssh` and `sshd` stand where there is no terminal. */
function terminalOf(fields: AuditFields): string | undefined {
  const terminal = plainText(fields.get('terminal'))?.replace(/^\/dev\//u, '');
  return terminal === '' || terminal === 'ssh' || terminal === 'sshd' ? undefined : terminal;
}

function some<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}
