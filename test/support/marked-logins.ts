import { readFileSync } from 'node:fs';
import { systemClock } from '../../base/clock.js';
import type { Collector, TriggeredCollector } from '../../collectors/interface/collector.js';
import { collectors as real } from '../../collectors/registry.js';

/*
 * Everything that the agent really collects in any environment, but logins: one for each line of the file that LOGIN_MARKS names, in their
 * order. They are the events of High priority that a test can have happen on any machine.
 */

const lookMs = 20;
/** Beyond the largest pid, so that nothing on the machine is taken for it. */
const pid = 4_194_304 + 1;

const markedLogins: TriggeredCollector<'Login'> = {
  kind: 'triggered',
  name: 'Login',
  start({ emit }) {
    let told = 0;
    const look = (): void => {
      const lines = readFileSync(process.env['LOGIN_MARKS'] ?? '', 'utf8').split('\n');
      for (const mark of lines.slice(told, -1)) {
        emit({
          timeMs: systemClock.wallMs(),
          payload: {
            ProcessId: pid,
            Executable: '/usr/sbin/sshd',
            Operation: 'test',
            Result: 'Success',
            UserName: mark,
          },
        });
      }
      told = lines.length - 1;
    };
    const timer = setInterval(look, lookMs);
    return Promise.resolve({
      stop: () => {
        clearInterval(timer);
        return Promise.resolve();
      },
    });
  },
};

/** Without the inventory process there is no answer about the firewall, which is told: not what is tested with these. */
export const collectors: readonly Collector[] = real
  .filter(({ name }) => name !== 'FirewallConfiguration')
  .map((collector) => (collector.name === 'Login' ? markedLogins : collector));
