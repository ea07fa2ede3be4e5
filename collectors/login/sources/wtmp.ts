import { BoundedMap } from '../../../base/bounded-map.js';
import type { Timer } from '../../../base/clock.js';
import type { Unavailable } from '../../../base/unavailable.js';
import type { Host } from '../../interface/host.js';
import type { OpenSource, Source, Told } from '../../interface/source.js';
import { addressOf } from '../../kernel/address.js';
import { GrowingFile } from '../../kernel/files/growing-file.js';
import { deadProcess, userProcess, type UtmpRecord } from '../../kernel/files/utmp.js';
import { UtmpReader } from '../../kernel/files/utmp-reader.js';
import { readExecutable } from '../../kernel/processes/proc.js';
import type { LoginFacts } from './facts.js';

export interface WtmpLoginsOptions {
  readonly onLogin: (facts: LoginFacts) => void;
  /** The program of a process that still lives. */
  readonly executableOf: (pid: number) => string | undefined;
}

/**
 * Logins as wtmp and btmp tell them.
 *
 * 1. A user process in wtmp is a login, the end of the process on the same terminal its logout.
 * 2. Every record in btmp is a failed login, whatever its type.
 * 3. The end of a session that was not seen to begin names no user, and is not told.
 */
export class WtmpLogins {
  private readonly sessions = new BoundedMap<string, LoginFacts>(mostSessions);

  constructor(private readonly options: WtmpLoginsOptions) {}

  take(file: 'wtmp' | 'btmp', record: UtmpRecord): void {
    if (file === 'btmp') this.options.onLogin(this.factsOf(record, false));
    else if (record.type === userProcess) this.begin(record);
    else if (record.type === deadProcess) this.end(record);
  }

  private begin(record: UtmpRecord): void {
    const facts = this.factsOf(record, true);
    this.sessions.set(record.line, facts);
    this.options.onLogin(facts);
  }

  private end({ line, pid, timeMs }: UtmpRecord): void {
    const session = this.sessions.get(line);
    if (session === undefined || (pid !== 0 && pid !== session.pid)) return;
    this.sessions.delete(line);
    const sessionMs = Math.max(0, timeMs - session.timeMs);
    this.options.onLogin({ ...session, timeMs, operation: 'logout', sessionMs });
  }

  private factsOf(record: UtmpRecord, succeeded: boolean): LoginFacts {
    const { host, line, pid, timeMs, user } = record;
    const executable = pid === 0 ? undefined : this.options.executableOf(pid);
    // The text is what most programs make of the address, and damage shows in it.
    const remoteAddress = addressOf(host) ?? record.remoteAddress;
    const hasTerminal = line !== '' && !line.endsWith(':notty');
    return {
      timeMs,
      pid,
      succeeded,
      operation: 'login',
      ...(user !== '' && { userName: user }),
      ...(executable !== undefined && { executable }),
      ...(remoteAddress !== undefined && { remoteAddress }),
      ...(remoteAddress === undefined && host !== '' && { remoteHost: host }),
      ...(hasTerminal && { terminal: line }),
      ...(record.sessionId !== 0 && { sessionId: record.sessionId }),
    };
  }
}

/** More terminals than a device has. */
const mostSessions = 4096;

/** How often the files are looked at. */
const lookMs = 2000;

/** Logins from wtmp and btmp, which are looked at every two seconds. */
export const wtmp: Source<LoginFacts> = {
  name: 'wtmp',
  open: (host, told) => Promise.resolve(openFiles(host, told)),
};

function openFiles(host: Host, told: Told<LoginFacts>): OpenSource | Unavailable {
  const { clock, paths, byteOrder } = host;
  const logins = new WtmpLogins({
    executableOf: (pid) => readExecutable(paths, pid),
    onLogin: told.onFacts,
  });
  const files = (['wtmp', 'btmp'] as const).map((name) => {
    const path = `${paths.logRoot}/${name}`;
    const file = new GrowingFile(path, 1);
    const error = file.open();
    const reader = new UtmpReader({
      byteOrder,
      onRecord: (record) => logins.take(name, record),
      onGap: (records) => told.lose('unparsed', records),
    });
    return { name, file, reader, problem: error === undefined ? undefined : `${path} (${error})` };
  });
  const problems = files.flatMap(({ problem }) => problem ?? []);
  if (problems.length === files.length) {
    return {
      unavailable: `Neither file of logins can be read: ${problems.join(', ')}.`,
    };
  }
  const look = (): string | undefined => {
    for (const { name, file, reader } of files) {
      const error = file.read((bytes, isStart) => {
        if (isStart) reader.end();
        reader.push(bytes);
      });
      if (error !== undefined) return `${paths.logRoot}/${name} cannot be read any more (${error})`;
    }
    return undefined;
  };
  let timer: Timer;
  const again = (): void => {
    const problem = look();
    if (problem === undefined) timer = clock.after(lookMs, again);
    else told.onFailed(new Error(problem));
  };
  timer = clock.after(lookMs, again);
  const missing = problems.length === 0 ? '' : ` Not readable: ${problems.join(', ')}.`;
  told.onState({
    source: 'wtmp',
    limitation: `Only logins that programs write into wtmp and btmp are seen: no su, no sessions without a terminal, no ports, no method.${missing}`,
  });
  return {
    end: () => {
      timer.cancel();
      look();
      for (const { file } of files) file.close();
      return Promise.resolve();
    },
  };
}
