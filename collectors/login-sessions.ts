import type { LoginRecord } from './linux/audit/login-records.js';
import type { LoginFacts } from './login-payload.js';

type Known = Pick<LoginFacts, 'userId' | 'remotePort' | 'localPort'>;

interface Ports {
  readonly remoteAddress: string | undefined;
  readonly remotePort: string;
  readonly localPort: string;
  readonly sinceMs: number;
}

interface ToldFailure {
  untilMs: number;
  /** Of a connection: refusals by other processes of it that are still to come. */
  credit: number;
}

/**
 * What was told of processes and connections already, so that it is not told twice.
 *
 * 1. Everything is bounded; the oldest is forgotten first.
 * 2. A process id that begins another attempt is another process.
 */
export class LoginSessions {
  private readonly opened = new Map<number, LoginFacts>();
  private readonly identities = new Map<number, LoginRecord>();
  private readonly ports = new Map<number, Ports>();
  private readonly failures = new Map<string, ToldFailure>();

  /** Keeps what the kernel or the program said of a process before its login is told. */
  learn(record: LoginRecord, nowMs: number): void {
    const { pid, remoteAddress, userId, remotePort, localPort } = record;
    this.sessionOfAnother(record);
    if (userId !== undefined) put(this.identities, pid, record);
    if (remotePort !== undefined && localPort !== undefined)
      put(this.ports, pid, { remoteAddress, remotePort, localPort, sinceMs: nowMs });
  }

  /** Whether the ports of the connection that the record belongs to are known. */
  hasPorts({ pid, remoteAddress }: LoginRecord, nowMs: number): boolean {
    const ports = this.ports.get(pid);
    return ports?.remoteAddress === remoteAddress && nowMs - (ports?.sinceMs ?? 0) < loginGraceMs;
  }

  known({ pid, remoteAddress, sessionId }: LoginFacts): Known {
    const identity = this.identities.get(pid);
    const userId = sessionId === identity?.sessionId ? identity?.userId : undefined;
    const ports = this.ports.get(pid);
    return {
      ...(userId !== undefined && sessionId !== undefined && { userId }),
      ...(ports !== undefined &&
        ports.remoteAddress === remoteAddress && {
          remotePort: ports.remotePort,
          localPort: ports.localPort,
        }),
    };
  }

  /** A process asks again: whatever it had before is over. */
  begin(pid: number): void {
    this.opened.delete(pid);
  }

  open(facts: LoginFacts): void {
    put(this.opened, facts.pid, facts);
  }

  /** Whether the login that the record belongs to was told. */
  has(record: LoginRecord): boolean {
    return !this.sessionOfAnother(record) && this.opened.has(record.pid);
  }

  /** The login of the process that logs out now, if it was told. */
  end(record: LoginRecord): LoginFacts | undefined {
    const session = this.has(record) ? this.opened.get(record.pid) : undefined;
    this.forget(record.pid);
    return session;
  }

  failed(record: LoginRecord, nowMs: number): void {
    const untilMs = nowMs + echoMs;
    put(this.failures, `pid ${record.pid}`, { untilMs, credit: 0 });
    const connection = connectionOf(record);
    if (connection === undefined) return;
    const credit = (this.failures.get(connection)?.credit ?? 0) + echoes;
    put(this.failures, connection, { untilMs, credit });
  }

  /** Whether a refusal only repeats a failure that was told, by this process or by another of its connection. */
  wasToldToFail(record: LoginRecord, nowMs: number): boolean {
    const connection = this.failures.get(connectionOf(record) ?? '');
    const told = this.failures.get(`pid ${record.pid}`);
    if (told !== undefined && told.untilMs >= nowMs) {
      // This process repeats its failure itself, so no other one will.
      if (connection !== undefined) connection.credit = Math.max(0, connection.credit - echoes);
      return true;
    }
    if (connection === undefined || connection.untilMs < nowMs || connection.credit <= 0)
      return false;
    connection.credit--;
    return true;
  }

  /** Forgets failures that nothing can repeat any more. */
  expire(nowMs: number): void {
    for (const [key, { untilMs }] of this.failures) {
      if (untilMs >= nowMs) return;
      this.failures.delete(key);
    }
  }

  /** The kernel gives a session number once, so another number means that the process id was used again. */
  private sessionOfAnother({ pid, sessionId }: LoginRecord): boolean {
    const before = this.opened.get(pid)?.sessionId;
    if (before === undefined || sessionId === undefined || before === sessionId) return false;
    this.forget(pid);
    return true;
  }

  private forget(pid: number): void {
    this.opened.delete(pid);
    this.identities.delete(pid);
    this.ports.delete(pid);
  }
}

/** A refusal is repeated within three seconds of the password (pam_unix waits two on average), or at the end. */
const echoMs = 10_000;
/** USER_LOGIN and USER_ERR of the process that holds the connection. */
const echoes = 2;
/** sshd ends a connection without a login after two minutes; what was known of an older process may be another's. */
const loginGraceMs = 120_000;
const mostRemembered = 4096;

function connectionOf({ executable, remoteAddress }: LoginRecord): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${executable ?? ''}`;
}

/** Sets a value and makes it the youngest. */
function put<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= mostRemembered) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
