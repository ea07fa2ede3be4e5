import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { kernelState } from '../support/device/audit-support.js';
import { AuditedAgent } from '../support/device/audited-agent.js';

/** How long it is done: what is asked for is that so many seconds are counted at most. */
const stormMs = 10_000;
const collectorsWithAudit = [
  'ProcessCreate',
  'ConnectionCreate',
  'Login',
  'FileChange',
  'StateChange',
];

describe('somebody who deletes the audit rules ten times a second', () => {
  let agent: AuditedAgent;

  beforeEach(async () => {
    agent = new AuditedAgent();
    await agent.prepare({ connectionSource: 'auto', loginSource: 'auto' });
  });

  afterEach(() => agent.close());

  it('makes the agent blind for no more seconds than pass, and does not keep it from ending', async () => {
    await agent.start();
    const storm = spawn('/bin/sh', ['-c', 'while :; do auditctl -D >&-; sleep 0.1; done'], {
      stdio: 'ignore',
    });
    const beganMs = performance.now();
    let seconds: number;
    try {
      await pause(stormMs);
      await agent.fixture.stopAgent();
      seconds = Math.ceil((performance.now() - beganMs) / 1000);
    } finally {
      storm.kill('SIGKILL');
      await once(storm, 'exit');
    }
    const blind = agent.losses.flatMap((loss) => / blindSeconds (\d+)$/u.exec(loss)?.[1] ?? []);
    expect(blind).toHaveLength(collectorsWithAudit.length);
    for (const counted of blind.map(Number)) {
      expect(counted).toBeGreaterThanOrEqual(1);
      expect(counted).toBeLessThanOrEqual(seconds);
    }
    expect(kernelState()).toMatchObject(agent.kernelBefore);
  }, 60_000);
});
