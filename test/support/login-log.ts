import { parseLogLine } from '../../collectors/kernel/audit/log-line.js';
import { readLoginRecord } from '../../collectors/kernel/audit/login-records.js';
import { loginObservation } from '../../collectors/login/payload.js';
import { LoginAttempts } from '../../collectors/login/sources/attempts.js';

/** The logins that a log of audit tells of, one record a line, in the order they were told. */
export function toldOf(log: string) {
  const told: ReturnType<typeof loginObservation>['payload'][] = [];
  const attempts = new LoginAttempts({
    onLogin: (facts) => told.push(loginObservation(facts).payload),
  });
  for (const line of log.split('\n')) {
    const parsed = parseLogLine(line);
    if ('why' in parsed) continue;
    for (const { record } of parsed) {
      attempts.expire(record.timeMs);
      const login = readLoginRecord(record);
      if (login !== undefined) attempts.push(login, record.timeMs);
    }
  }
  attempts.flush();
  return told;
}

type Told = ReturnType<typeof toldOf>[number];

/** `USER@ADDRESS RESULT`, with ` (OPERATION)` for a logout. */
export function inShort({ UserName, UserId, RemoteAddress, Operation, Result }: Told): string {
  const who = `${UserName ?? UserId ?? ''}@${RemoteAddress ?? '-'}`;
  return `${who} ${Operation === 'logout' ? 'logout' : Result}`;
}

interface Sent {
  readonly exe: string;
  readonly pid?: number;
  readonly acct?: string;
  readonly id?: number;
  readonly addr?: string;
  readonly terminal?: string;
  readonly ses?: number;
  readonly res?: string;
  readonly op?: string;
  /** Seconds. */
  readonly at?: number;
}

const operations: Readonly<Record<string, string>> = {
  USER_AUTH: 'PAM:authentication',
  USER_ACCT: 'PAM:accounting',
  USER_START: 'PAM:session_open',
  USER_END: 'PAM:session_close',
  USER_ERR: 'PAM:bad_ident',
  USER_LOGIN: 'login',
  USER_LOGOUT: 'login',
  CRED_REFR: 'PAM:setcred',
};
let serial = 0;

/** One line of a log, as a program sends it today. */
export function line(type: string, sent: Sent): string {
  const {
    exe,
    pid = 500,
    acct,
    id,
    addr = '?',
    terminal = '?',
    ses,
    res = 'success',
    at = 0,
  } = sent;
  const who = `${acct === undefined ? '' : `acct="${acct}" `}${id === undefined ? '' : `id=${id} `}`;
  const timeMs = 1_700_000_000_000 + Math.round(at * 1000);
  const time = (timeMs / 1000).toFixed(3);
  return `type=${type} msg=audit(${time}:${++serial}): pid=${pid} uid=0 auid=4294967295 ses=${ses ?? 4294967295} msg='op=${sent.op ?? operations[type]} ${who}exe="${exe}" hostname=${addr} addr=${addr} terminal=${terminal} res=${res}'`;
}
