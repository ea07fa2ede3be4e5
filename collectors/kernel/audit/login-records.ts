import { addressOf } from '../address.js';
import type { AuditRecord } from './event.js';
import { readResult } from './login-result.js';
import { decimal, plainText, untrustedPath, untrustedText } from './record.js';
import { splitUserRecord, type UserRecord } from './user-record.js';

/**
 * What a record says about a login: `identified` is the kernel's own word that a process got its login uid, `ports`
 * the addresses of an encrypted session, `refresh` that PAM renewed what somebody already has, as when a screen is
 * unlocked; the rest are the stages of a login that PAM and the login programs tell.
 */
export type LoginStage =
  | 'identified'
  | 'ports'
  | 'authentication'
  | 'account'
  | 'refresh'
  | 'error'
  | 'login'
  | 'open'
  | 'close'
  | 'logout';

/** Types of the records that tell of logins (`uapi/linux/audit.h`, and `libaudit.h` for those of user space). */
export const loginRecordTypes = {
  LOGIN: 1006,
  USER_AUTH: 1100,
  USER_ACCT: 1101,
  USER_START: 1105,
  USER_END: 1106,
  USER_ERR: 1109,
  CRED_REFR: 1110,
  USER_LOGIN: 1112,
  USER_LOGOUT: 1113,
  CRYPTO_SESSION: 2407,
} as const;

const stages: ReadonlyMap<number, LoginStage> = new Map([
  [loginRecordTypes.LOGIN, 'identified'],
  [loginRecordTypes.USER_AUTH, 'authentication'],
  [loginRecordTypes.USER_ACCT, 'account'],
  [loginRecordTypes.USER_START, 'open'],
  [loginRecordTypes.USER_END, 'close'],
  [loginRecordTypes.USER_ERR, 'error'],
  [loginRecordTypes.CRED_REFR, 'refresh'],
  [loginRecordTypes.USER_LOGIN, 'login'],
  [loginRecordTypes.USER_LOGOUT, 'logout'],
  [loginRecordTypes.CRYPTO_SESSION, 'ports'],
]);

/** One record of a login; whatever is absent it does not say. */
export interface LoginRecord {
  readonly stage: LoginStage;
  readonly timeMs: number;
  readonly pid: number;
  /** Undefined where the record does not say it, or not so that it can be read. */
  readonly succeeded: boolean | undefined;
  /** As the program calls it: `PAM:authentication`, `login`, `pubkey_auth`; never empty. */
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

/**
 * The record, if it tells of a login; undefined for any other, and for one without a process.
 *
 * Where each field comes from, because a name that the kernel and the program both write means two things:
 *
 * - `pid`, `ses`, `uid` (who asked) and `auid`: the kernel's. They are certain, and belong to the process that sent it.
 * - `op`, `acct`, `id`, `uid` (who is to be let in), `exe`, `hostname`: the program's, the first of several. libaudit
 *   writes them before anything that another host may choose.
 * - `addr`, `terminal`, `res`: the program's, the last of several. libaudit writes them after `hostname`, which may hold
 *   a blank and a forged field.
 *
 * A program needs CAP_AUDIT_WRITE to send any of it, so that its word is worth that of root.
 */
export function readLoginRecord(record: AuditRecord): LoginRecord | undefined {
  const stage = stages.get(record.type);
  if (stage === undefined) return undefined;
  const said = splitUserRecord(record.body);
  const pid = decimal(said.kernel.get('pid'));
  if (pid === undefined) return undefined;
  const origin = { stage, timeMs: record.timeMs, pid };
  if (stage === 'identified') return { ...origin, ...identityOf(said, record.body) };
  const { kernel, first, last } = said;
  return {
    ...origin,
    succeeded: readResult(last.get('res') ?? last.get('result')),
    operation: operationOf(said, stage),
    ...some('executable', untrustedPath(first.get('exe'))),
    ...some('userName', userNameOf(said)),
    ...some('userId', decimal(first.get('id')) ?? decimal(first.get('uid'))),
    ...remoteOf(said),
    ...some('remotePort', portOf(first.get('rport'))),
    ...some('localPort', portOf(first.get('lport'))),
    ...some('terminal', terminalOf(last.get('terminal'))),
    ...some('sessionId', decimal(kernel.get('ses'))),
    ...some('callerUserId', decimal(kernel.get('uid'))),
  };
}

/**
 * The kernel's record of a login uid. Until 3.14 it wrote `old auid=… new auid=… old ses=… new ses=…`, since then
 * `old-auid=… auid=… old-ses=… ses=… res=1`; only the very old forms have no result, and tell only what succeeded.
 */
function identityOf(
  { kernel }: UserRecord,
  body: string,
): Omit<LoginRecord, 'stage' | 'timeMs' | 'pid'> {
  const renewed = (name: string): number | undefined =>
    decimal(new RegExp(String.raw`\bnew ${name}=(\d+)`, 'u').exec(body)?.[1] ?? kernel.get(name));
  const result = kernel.get('res');
  return {
    succeeded: result === undefined ? true : readResult(result),
    operation: 'login',
    ...some('userId', renewed('auid')),
    ...some('sessionId', renewed('ses')),
  };
}

/** PAM wrote `PAM: session open` and `PAM session open:` before it wrote `op=PAM:session_open`. */
function operationOf({ first, introduction }: UserRecord, stage: LoginStage): string {
  const operation = plainText(first.get('op'));
  if (operation !== undefined) return operation;
  const phase = /^PAM:? ?([a-z_ ]+)/u.exec(introduction)?.[1]?.trim().replaceAll(' ', '_');
  if (phase !== undefined && phase !== '') return `PAM:${phase}`;
  return stage === 'open' ? 'session_open' : stage;
}

/**
 * sshd hides a name that the device does not know behind `(invalid user)` or `(unknown user)`. `ID` is what auditd
 * adds to an enriched log.
 */
export function isPlaceholder(userName: string | undefined): boolean {
  return userName === undefined || /^\((?:invalid|unknown)(?: user)?\)$/u.test(userName);
}

function userNameOf({ first, kernel }: UserRecord): string | undefined {
  const said = untrustedText(first.get('acct')) ?? untrustedText(first.get('user'));
  const name = said ?? untrustedText(kernel.get('ID'));
  return name === undefined || /^(?:|\?|unset|unknown\(\d+\))$/u.test(name) ? undefined : name;
}

function remoteOf({ first, last }: UserRecord): Pick<LoginRecord, 'remoteAddress' | 'remoteHost'> {
  const host = plainText(first.get('hostname'));
  const address = addressOf(plainText(last.get('addr'))) ?? addressOf(host);
  if (address !== undefined) return { remoteAddress: address };
  return host === undefined ? {} : { remoteHost: host };
}

function portOf(raw: string | undefined): string | undefined {
  const port = decimal(raw);
  return port === undefined || port <= 0 || port > 65_535 ? undefined : String(port);
}

/** `ssh` and `sshd` stand where there is no terminal. */
function terminalOf(raw: string | undefined): string | undefined {
  const terminal = plainText(raw)?.replace(/^\/dev\//u, '');
  return terminal === '' || terminal === 'ssh' || terminal === 'sshd' ? undefined : terminal;
}

function some<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}
