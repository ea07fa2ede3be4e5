import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { askStatus } from '../../agent/status/client.js';
import { statusSocket } from '../../agent/status/service.js';
import { statusText } from '../../agent/status/text.js';
import { agentBundle, Fixture } from '../support/running-agent.js';

let fixture: Fixture;

beforeEach(async () => {
  fixture = new Fixture();
  await fixture.startHub();
});

afterEach(() => fixture.close());

it('an agent whose log nobody reads any more goes on, says so in its status, and ends as asked', async () => {
  fixture.configure({ logLevel: 'debug' });
  const agent = spawn(process.execPath, [agentBundle, 'run', '--config', fixture.configFile], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, JOURNAL_STREAM: undefined, NOTIFY_SOCKET: undefined },
  });
  try {
    for await (const line of createInterface({ input: agent.stderr }))
      if (/\bready\b/.test(line)) break;
    agent.stderr.destroy();
    // Of which the agent has something to say.
    await fixture.hub.stop();
    let found: unknown;
    for (let attempt = 0; attempt < 400; attempt++) {
      const status = await askStatus(statusSocket(join(fixture.directory, 'run')));
      found =
        'unanswered' in status ? status : { problems: status.problems, losses: status.losses };
      if (!('unanswered' in status) && status.agent.logProblem !== undefined) {
        expect(status.agent.logProblem).toMatch(/broken pipe \(EPIPE\)/);
        expect(status.losses['log']?.['logRefused']?.total).toBeGreaterThan(0);
        expect(statusText(status)).toContain('its log cannot be written: broken pipe (EPIPE)');
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(JSON.stringify(found)).toContain('"code":"log"');
    const ended = once(agent, 'exit');
    agent.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  } finally {
    agent.kill('SIGKILL');
  }
});
