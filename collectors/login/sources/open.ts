import type { Timer } from '../../../base/clock.js';
import type { ReportLoss } from '../../../base/loss.js';
import type { Host } from '../../host.js';
import type { SourceState, Unavailable } from '../../interface/collector.js';
import { isUnavailable } from '../../interface/collector.js';
import { readLoginRecord } from '../../kernel/audit/login-records.js';
import { GrowingFile } from '../../kernel/files/growing-file.js';
import { UtmpReader } from '../../kernel/files/utmp-reader.js';
import { readExecutable } from '../../kernel/processes/proc.js';
import type { LoginFacts } from '../payload.js';
import { LoginAttempts } from './attempts.js';
import { JournalLogins } from './journal-logins.js';
import { loginFields, loginMatches, readLoginMessage } from './messages.js';
import { LoginPorts } from './ports.js';
import { WtmpLogins } from './wtmp.js';

/** The sources of logins, the best first. */
export const loginSources = ['audit', 'wtmp', 'journal'] as const;
export type LoginSource = (typeof loginSources)[number];

export interface LoginListener {
  readonly onLogin: (facts: LoginFacts) => void;
  readonly lose: ReportLoss;
  readonly onState: (state: SourceState) => void;
  /** The source ended for good. */
  readonly onFailed: (error: Error) => void;
}

interface OpenSource {
  end(): Promise<void>;
}

/** Arms one source; every login from then on is told, as far as the source can see it. */
export function openLoginSource(
  source: LoginSource,
  host: Host,
  listener: LoginListener,
): Promise<OpenSource | Unavailable> {
  switch (source) {
    case 'audit':
      return openAudit(host, listener);
    case 'wtmp':
      return Promise.resolve(openWtmp(host, listener));
    case 'journal':
      return openJournal(host, listener);
  }
}

async function openAudit(host: Host, listener: LoginListener): Promise<OpenSource | Unavailable> {
  const { clock } = host;
  const ports = new LoginPorts(host);
  const attempts = new LoginAttempts({
    onLogin: listener.onLogin,
    portsOf: (origin) => {
      const found = ports.of(origin);
      if (found === undefined) return undefined;
      return { remotePort: String(found.remote.port), localPort: String(found.local.port) };
    },
  });
  let timer: Timer | undefined;
  const schedule = (): void => {
    timer?.cancel();
    const inMs = attempts.expire(clock.monotonicMs());
    timer = inMs === undefined ? undefined : clock.after(inMs, schedule);
  };
  await ports.start();
  const opened = await host.audit.subscribe({
    name: 'Login',
    rules: [],
    evenWithoutRules: host.settings.processSource === 'audit',
    onEvent: (event) => {
      let isNews = false;
      for (const record of event.records) {
        const login = readLoginRecord(record);
        if (login === undefined) continue;
        attempts.push(login, clock.monotonicMs());
        isNews = true;
      }
      if (isNews) schedule();
    },
    lose: listener.lose,
    onState: listener.onState,
    onFailed: (error) => {
      timer?.cancel();
      attempts.flush();
      ports.end();
      listener.onFailed(error);
    },
  });
  if (isUnavailable(opened)) {
    ports.end();
    return opened;
  }
  return {
    end: async () => {
      await opened.end();
      timer?.cancel();
      attempts.flush();
      ports.end();
    },
  };
}

/** How often the files are looked at. */
const lookMs = 2000;

function openWtmp(host: Host, listener: LoginListener): OpenSource | Unavailable {
  const { clock, paths, byteOrder } = host;
  const logins = new WtmpLogins({
    executableOf: (pid) => readExecutable(paths, pid),
    onLogin: listener.onLogin,
  });
  const files = (['wtmp', 'btmp'] as const).map((name) => {
    const path = `${paths.logRoot}/${name}`;
    const file = new GrowingFile(path, 1);
    const error = file.open();
    const reader = new UtmpReader({
      byteOrder,
      onRecord: (record) => logins.take(name, record),
      onGap: (records) => listener.lose('unparsed', records),
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
    else listener.onFailed(new Error(problem));
  };
  timer = clock.after(lookMs, again);
  const missing = problems.length === 0 ? '' : ` Not readable: ${problems.join(', ')}.`;
  listener.onState({
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

async function openJournal(host: Host, listener: LoginListener): Promise<OpenSource | Unavailable> {
  const { clock } = host;
  const ports = new LoginPorts(host);
  const logins = new JournalLogins({
    onLogin: listener.onLogin,
    localPortOf: ({ pid, remoteAddress, remotePort, timeMs }) => {
      if (remoteAddress === undefined) return undefined;
      const found = ports.of({ pid, remoteAddress, timeMs });
      const isMeant = remotePort === undefined || String(found?.remote.port) === remotePort;
      return found !== undefined && isMeant ? String(found.local.port) : undefined;
    },
  });
  let timer: Timer | undefined;
  const schedule = (): void => {
    timer?.cancel();
    const inMs = logins.expire(clock.monotonicMs());
    timer = inMs === undefined ? undefined : clock.after(inMs, schedule);
  };
  const end = (): void => {
    timer?.cancel();
    logins.flush();
    ports.end();
  };
  await ports.start();
  const opened = await host.journal.subscribe({
    matches: loginMatches,
    fields: loginFields,
    onEntry: (entry) => {
      const message = readLoginMessage(entry);
      if (message === undefined) return;
      logins.take(message, clock.monotonicMs());
      schedule();
    },
    lose: listener.lose,
    onFailed: (error) => {
      end();
      listener.onFailed(error);
    },
  });
  if (isUnavailable(opened)) {
    ports.end();
    return opened;
  }
  listener.onState({
    source: 'journal',
    limitation:
      'Only logins that sshd, dropbear, login, su and display managers write into the journal are seen, and no terminals of ssh.',
  });
  return {
    end: () => {
      opened.end();
      end();
      return Promise.resolve();
    },
  };
}
