import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InstalledAgent } from '../../support/device/installed-agent.js';
import { limitMs, tell } from './packages.js';

describe('a kernel that was booted without audit', { timeout: limitMs }, () => {
  let agent: InstalledAgent;

  beforeAll(async () => {
    agent = await InstalledAgent.boot('trixie', 'audit=0');
    await agent.install();
    await agent.enroll();
  }, limitMs);

  afterAll(async () => {
    process.stdout.write(`The journal without audit:\n${await agent.journal().catch(String)}\n`);
    await agent.machine.stop();
  });

  it('is reported from the other sources, and the agent says which and why', async () => {
    const { collectors } = await agent.status(
      'connected',
      ({ connection, collectors: { ProcessCreate } }) =>
        connection.state === 'connected' && ProcessCreate?.source !== undefined,
    );
    tell('Without audit', 'proc-connector', JSON.stringify(collectors['ProcessCreate']));
    expect(collectors['ProcessCreate']?.source).toBe('proc-connector');
    expect(collectors['ProcessCreate']?.limitation).toMatch(/audit/i);
    await agent.machine.shell("exec -a 'without audit' sleep 3");
    await agent.payloads('ProcessCreate', ({ CommandLine }) =>
      String(CommandLine).includes('without audit'),
    );
  });
});
