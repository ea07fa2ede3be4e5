/**
 * Where logins come from, and which file does what. `sources/index.ts` lists the sources:
 *
 * - `audit`: the records of PAM and of the login programs (`collectors/kernel/audit/login-records.ts`).
 *   `sources/attempts.ts` makes one event of the several records of one attempt (`sources/attempt.ts`), with
 *   `sources/sessions.ts` and `sources/echoes.ts` to know what was told already, `sources/programs.ts` to know what is
 *   no login, and `sources/ports.ts` to find the ports that records leave out: from a process that lives, or from the
 *   trace of connections (`sources/connections.ts`).
 * - `wtmp`: wtmp and btmp (`collectors/kernel/files/utmp.ts`), made into logins by `sources/wtmp.ts`.
 * - `journal`: what programs log (`collectors/kernel/files/journal.ts`). `sources/messages.ts` reads a message,
 *   `sources/journal-logins.ts` makes one event of those of one attempt.
 *
 * `payload.ts` makes the payload of whatever was found.
 */
import { BestSource } from '../interface/best-source.js';
import type { TriggeredCollector } from '../interface/collector.js';
import type { Host } from '../interface/host.js';
import { loginObservation } from './payload.js';
import type { LoginFacts } from './sources/facts.js';
import { loginSources } from './sources/index.js';

/**
 * Every attempt to log in and every logout, from the best source that works.
 * At its stop what waited for the rest of its records is told.
 */
export const login: TriggeredCollector<'Login'> = {
  kind: 'triggered',
  name: 'Login',
  async start(context) {
    const { emit, host } = context;
    const best = new BestSource({
      ...context,
      sources: loginSources,
      setting: host.settings.loginSource,
      onFacts: (facts) => emit(loginObservation(named(facts, host))),
    });
    const unavailable = await best.start();
    return unavailable ?? best;
  },
};

/** Completes uid and name from each other where /etc/passwd knows them. */
function named(facts: LoginFacts, { users }: Host): LoginFacts {
  const { userId, userName } = facts;
  const uid = userId ?? (userName === undefined ? undefined : users.uidOf(userName));
  const name = userName ?? (userId === undefined ? undefined : users.nameOf(userId));
  return {
    ...facts,
    ...(uid !== undefined && { userId: uid }),
    ...(name !== undefined && { userName: name }),
  };
}
