import type { Timer } from '../../../base/clock.js';
import { type Unavailable, isUnavailable } from '../../../base/unavailable.js';
import type { Host } from '../../interface/host.js';
import type { OpenSource, Source, Told } from '../../interface/source.js';
import { readStat } from '../../kernel/processes/proc.js';
import { JournalLogins } from './journal-logins.js';
import type { LoginFacts } from './facts.js';
import { loginFields, loginMatches, readLoginMessage } from './messages.js';
import { LoginPorts } from './ports.js';

/** Logins from what the login programs write into the journal. */
export const journal: Source<LoginFacts> = { name: 'journal', open };

async function open(host: Host, told: Told<LoginFacts>): Promise<OpenSource | Unavailable> {
  const { clock } = host;
  const ports = new LoginPorts(host);
  const logins = new JournalLogins({
    onLogin: told.onFacts,
    localPortOf: ({ pid, remoteAddress, remotePort, timeMs }) => {
      if (remoteAddress === undefined) return undefined;
      const found = ports.of({ pid, remoteAddress, timeMs });
      const isMeant = remotePort === undefined || String(found?.remote.port) === remotePort;
      return found !== undefined && isMeant ? String(found.local.port) : undefined;
    },
    startTicksOf: (pid) => readStat(host.paths, pid)?.startTicks,
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
    lose: told.lose,
    onFailed: (error) => {
      end();
      told.onFailed(error);
    },
  });
  if (isUnavailable(opened)) {
    ports.end();
    return opened;
  }
  told.onState({
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
