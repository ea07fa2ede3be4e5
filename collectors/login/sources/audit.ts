import type { Timer } from '../../../base/clock.js';
import { type Unavailable, isUnavailable } from '../../../base/unavailable.js';
import type { Host } from '../../interface/host.js';
import type { OpenSource, Source, Told } from '../../interface/source.js';
import { readLoginRecord } from '../../kernel/audit/login-records.js';
import { LoginAttempts } from './attempts.js';
import type { LoginFacts } from './facts.js';
import { LoginPorts } from './ports.js';

/** Logins from what PAM and the login programs tell kernel audit. */
export const audit: Source<LoginFacts> = { name: 'audit', open };

async function open(host: Host, told: Told<LoginFacts>): Promise<OpenSource | Unavailable> {
  const { clock } = host;
  const ports = new LoginPorts(host);
  const attempts = new LoginAttempts({
    onLogin: told.onFacts,
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
    evenWithoutRules: host.settings.loginSource === 'audit',
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
    lose: told.lose,
    onState: told.onState,
    onFailed: (error) => {
      timer?.cancel();
      attempts.flush();
      ports.end();
      told.onFailed(error);
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
