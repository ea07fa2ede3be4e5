import { addressOf } from '../../kernel/address.js';
import type { JournalEntry } from '../../kernel/files/journal.js';
import type { LoginFacts } from './facts.js';

/**
 * What a message of the journal says about a login.
 *
 * `failed` is a verdict, `suspected` one that the program itself may confirm or outdo within moments, `refused` a step
 * that failed while the attempt may go on. `ended` is the end of a connection that never became a login, and
 * `session` what logind knows of a session by the process that leads it.
 */
export type LoginMessageKind =
  'accepted' | 'opened' | 'session' | 'closed' | 'failed' | 'suspected' | 'refused' | 'ended';

export interface LoginMessage extends Omit<
  LoginFacts,
  'succeeded' | 'refusals' | 'sessionMs' | 'localPort'
> {
  readonly kind: LoginMessageKind;
  /** The program, as `operation` of a logout and of PAM's verdicts does not name it: `sshd`, `su`. */
  readonly program: string;
}

/**
 * Programs log to the facilities auth and authpriv, and only these are read. What a service prints is left out: it may
 * come from any of its children.
 */
export const loginMatches = [
  'SYSLOG_FACILITY=4',
  'SYSLOG_FACILITY=10',
  '_TRANSPORT=syslog',
  '_TRANSPORT=journal',
] as const;

/** What is asked of each entry. Those that begin with `_` are journald's own word, the others the sender's. */
export const loginFields = [
  'MESSAGE',
  'SYSLOG_IDENTIFIER',
  'LEADER',
  'SESSION_ID',
  '_COMM',
  '_EXE',
  '_PID',
  '_TRANSPORT',
  '_UID',
] as const;

interface Program {
  readonly name: string;
  /** `comm` of the process, 15 characters long at most. */
  readonly comm: RegExp;
  /** Set-uid, so that its real uid is that of whoever calls it. */
  readonly setUid?: RegExp;
}

const sshd: Program = { name: 'sshd', comm: /^sshd(?:-session|-auth)?$/u };
const programs: ReadonlyMap<string, Program> = new Map([
  ['sshd', sshd],
  ['sshd-session', sshd],
  ['sshd-auth', sshd],
  ['dropbear', { name: 'dropbear', comm: /^dropbear/u }],
  ['login', { name: 'login', comm: /^login$/u }],
  ['su', { name: 'su', comm: /^su$/u, setUid: /^(?:\/usr)?\/bin\/su$/u }],
  ['systemd-logind', { name: 'systemd-logind', comm: /^systemd-logind$/u }],
  ['gdm-password]', { name: 'gdm', comm: /^gdm-session/u }],
  ['lightdm', { name: 'lightdm', comm: /^lightdm$/u }],
  ['sddm-helper', { name: 'sddm', comm: /^sddm-helper$/u }],
  ['xrdp-sesman', { name: 'xrdp', comm: /^xrdp-sesman$/u }],
  ['cockpit-session', { name: 'cockpit', comm: /^cockpit-sessio/u }],
  ['vsftpd', { name: 'vsftpd', comm: /^vsftpd$/u }],
]);

/** sshd writes addresses with a zone, and names with UseDNS. */
const at = String.raw`from (?<host>\S+) port (?<port>\d{1,5})`;
/** What a user typed stands before the address, so the last address counts: everything before it is greedy. */
const sshdMessages: readonly (readonly [LoginMessageKind, RegExp])[] = [
  ['accepted', new RegExp(`^Accepted (?<how>\\S+) for (?<user>.*) ${at}(?: ssh2)?(?:: .*)?$`, 'u')],
  ['refused', new RegExp(`^Failed none for (?:invalid user )?(?<user>.*) ${at}(?: ssh2)?$`, 'u')],
  [
    'refused',
    new RegExp(
      `^Failed (?<how>publickey|hostbased) for (?:invalid user )?(?<user>.*) ${at}(?: ssh2)?(?:: \\S+ \\S+.*)?$`,
      'u',
    ),
  ],
  [
    'failed',
    new RegExp(
      `^Failed (?<how>\\S+) for (?:invalid user |illegal user )?(?<user>.*) ${at}(?: ssh2)?$`,
      'u',
    ),
  ],
  [
    'suspected',
    /^error: PAM: .+ for (?:illegal user |invalid user )?(?<user>.*) from (?<host>\S+)$/u,
  ],
  ['refused', new RegExp(`^(?:Invalid|Illegal) user (?<user>.*) ${at}$`, 'u')],
  [
    'refused',
    new RegExp(
      `^(?:error: )?maximum authentication attempts exceeded for (?:invalid user )?(?<user>.*) ${at}(?: ssh2)?(?: \\[preauth\\])?$`,
      'u',
    ),
  ],
  ['refused', /^User (?<user>.*) from (?<host>\S+) not allowed because .*$/u],
  [
    'ended',
    /^(?:Connection (?:closed|reset) by|Disconnected from|Disconnecting) (?:authenticating|invalid) user (?<user>.*) (?<host>\S+) port (?<port>\d{1,5})(?:: [^:]*)?(?: \[preauth\])?$/u,
  ],
  ['ended', /^Timeout before authentication for (?:connection from )?(?<host>\S+).*$/u],
];

const dropbearMessages: readonly (readonly [LoginMessageKind, RegExp])[] = [
  [
    'accepted',
    /^(?<how>Password|PAM password|Pubkey) auth succeeded for '(?<user>.*)' (?:with .* )?from (?<peer>\S+)$/u,
  ],
  ['failed', /^Bad (?<how>PAM password|password) attempt for '(?<user>.*)' from (?<peer>\S+)$/u],
  ['refused', /^Login attempt for nonexistent user (?:'(?<user>.*)' )?from (?<peer>\S+)$/u],
  ['ended', /^Exit before auth.*$/u],
  ['closed', /^Exit \((?<user>[^)]*)\).*$/u],
];

const loginMessages: readonly (readonly [LoginMessageKind, RegExp])[] = [
  [
    'failed',
    /^FAILED LOGIN (?:\(?\d+\)?|SESSION) (?:on|ON) '?(?<terminal>[^' ]+)'? (?:from \S+ )?FOR '?(?<user>.*?)'?, .*$/u,
  ],
  ['failed', /^FAILED LOGIN \(?\d+\)? FROM (?<host>\S+) FOR '?(?<user>.*?)'?, .*$/u],
  ['opened', /^(?:ROOT )?LOGIN ON (?<terminal>\S+)(?: BY (?<user>\S+))?(?: FROM (?<host>\S+))?$/u],
];

const suMessages: readonly (readonly [LoginMessageKind, RegExp])[] = [
  ['failed', /^FAILED SU \(to (?<user>.*)\) \S+ on (?<terminal>\S+)$/u],
  ['failed', /^FAILED su for (?<user>.*) by \S+$/u],
];

const ownMessages: ReadonlyMap<string, readonly (readonly [LoginMessageKind, RegExp])[]> = new Map([
  ['sshd', sshdMessages],
  ['dropbear', dropbearMessages],
  ['login', loginMessages],
  ['su', suMessages],
]);

const pam = /^(?:error: )?pam_\w+\((?<service>[\w.-]+):(?<phase>auth|session)\): (?<text>.*)$/u;
const pamOpened =
  /^session opened for user (?<user>.*?)(?:\((?:uid=)?(?<uid>\d+)\))? by (?:.*\(uid=\d+\)|.*)$/u;
const pamClosed = /^session closed for user (?<user>.*)$/u;
const pamFailed =
  /^authentication failure; logname=.* uid=\d+ euid=\d+ tty=(?<terminal>\S*) ruser=.* rhost=(?<host>\S*) *(?:user=(?<user>.*))?$/u;
const pamUnknown = /^check pass; user unknown$/u;

/**
 * The message, if it tells of a login and came from who may tell it; undefined for any other.
 *
 * Any user can log a text that looks like sshd's, under its name. What counts is journald's word for the sender: root,
 * or for su, which keeps the uid of its caller, the program itself; such a message says no more than what that caller
 * did, and names it by the uid that the kernel told.
 */
export function readLoginMessage({ timeMs, fields }: JournalEntry): LoginMessage | undefined {
  const identifier = fields.get('SYSLOG_IDENTIFIER') ?? '';
  const program = programs.get(identifier);
  const text = fields.get('MESSAGE');
  const pid = positive(fields.get('_PID'));
  if (program === undefined || text === undefined || pid === undefined) return undefined;
  if (!isTrusted(program, fields)) return undefined;
  const executable = fields.get('_EXE');
  const origin = {
    program: program.name,
    timeMs,
    pid,
    ...(executable !== undefined && { executable }),
    ...(program.setUid !== undefined && some('callerUserId', positive(fields.get('_UID')))),
  };
  if (program.name === 'systemd-logind') return readSession(origin, text, fields);
  const own = readOwn(origin, text);
  return own ?? readPam(origin, text);
}

type Origin = Pick<
  LoginMessage,
  'program' | 'timeMs' | 'pid' | 'executable' | 'callerUserId' | 'userName'
>;

function isTrusted(program: Program, fields: ReadonlyMap<string, string>): boolean {
  if (!/^(?:syslog|journal)$/u.test(fields.get('_TRANSPORT') ?? '')) return false;
  const comm = fields.get('_COMM');
  if (comm !== undefined && !program.comm.test(comm)) return false;
  if (fields.get('_UID') === '0') return true;
  return comm !== undefined && program.setUid?.test(fields.get('_EXE') ?? '') === true;
}

function readOwn(origin: Origin, text: string): LoginMessage | undefined {
  for (const [kind, pattern] of ownMessages.get(origin.program) ?? []) {
    const groups = pattern.exec(text)?.groups;
    if (groups === undefined) continue;
    const { how, user, terminal } = groups;
    const [host, port] = peerOf(groups);
    return {
      ...origin,
      kind,
      operation: kind === 'closed' ? 'logout' : (how ?? defaultOperation(origin.program)),
      ...some('userName', user === '' ? undefined : user),
      ...remoteOf(host),
      ...some('remotePort', portOf(port)),
      ...some('terminal', terminalOf(terminal)),
    };
  }
  return undefined;
}

function readPam(origin: Origin, text: string): LoginMessage | undefined {
  const { phase, text: said } = pam.exec(text)?.groups ?? {};
  if (said === undefined) return undefined;
  if (phase === 'session') {
    const opened = pamOpened.exec(said)?.groups;
    const user = opened?.['user'] ?? pamClosed.exec(said)?.groups?.['user'];
    if (user === undefined) return undefined;
    return {
      ...origin,
      kind: opened === undefined ? 'closed' : 'opened',
      operation: opened === undefined ? 'logout' : 'PAM:session_open',
      userName: user,
      ...some('userId', positive(opened?.['uid'])),
    };
  }
  // sshd gives its own verdict on each attempt, with the port, and may ask PAM in another process.
  if (origin.program === 'sshd') return undefined;
  const suspected = { ...origin, kind: 'suspected', operation: 'PAM:authentication' } as const;
  if (pamUnknown.test(said)) return suspected;
  const failed = pamFailed.exec(said)?.groups;
  if (failed === undefined) return undefined;
  return {
    ...suspected,
    ...some('userName', failed['user'] === '' ? undefined : failed['user']),
    ...remoteOf(failed['host']),
    ...some('terminal', terminalOf(failed['terminal'])),
  };
}

/** logind names the process that leads a session: the one that asked PAM for it. */
function readSession(
  origin: Origin,
  text: string,
  fields: ReadonlyMap<string, string>,
): LoginMessage | undefined {
  const pid = positive(fields.get('LEADER'));
  const sessionId = positive(fields.get('SESSION_ID'));
  if (pid === undefined || sessionId === undefined || !text.startsWith('New session ')) {
    return undefined;
  }
  return { ...origin, kind: 'session', pid, sessionId, operation: 'login' };
}

function defaultOperation(program: string): string {
  return program === 'sshd' ? 'ssh' : program === 'su' ? 'su' : 'login';
}

function peerOf({ host, port, peer }: Record<string, string | undefined>): (string | undefined)[] {
  const [, address, peerPort] = /^<?(.*?):(\d{1,5})>?$/u.exec(peer ?? '') ?? [];
  return address === undefined ? [host, port] : [address.replace(/[[\]]/gu, ''), peerPort];
}

function remoteOf(
  host: string | undefined,
): Pick<LoginMessage, 'remoteAddress'> | Pick<LoginMessage, 'remoteHost'> {
  if (host === undefined || host === '' || host === '(null)') return {};
  const address = addressOf(host);
  return address === undefined ? { remoteHost: host } : { remoteAddress: address };
}

function portOf(text: string | undefined): string | undefined {
  const port = positive(text);
  return port === undefined || port === 0 || port > 65_535 ? undefined : String(port);
}

function terminalOf(text: string | undefined): string | undefined {
  const terminal = text?.replace(/^\/dev\//u, '');
  return terminal === undefined || /^(?:|none|\?+|ssh)$/u.test(terminal) ? undefined : terminal;
}

function positive(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/u.test(text) ? Number(text) : undefined;
}

function some<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}
