import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InstalledAgent } from '../../support/device/installed-agent.js';
import { limitMs, tell } from './packages.js';

describe('a kernel that was booted without audit and without IPv6', { timeout: limitMs }, () => {
  let agent: InstalledAgent;

  beforeAll(async () => {
    agent = await InstalledAgent.boot('trixie', 'audit=0 ipv6.disable=1');
    // Neither a protocol nor its tables: a switch under /proc/sys would leave both.
    await agent.machine.shell('test -e /proc/net/tcp && test ! -e /proc/net/tcp6');
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

  it('tells listening ports and connections, which are those of IPv4', async () => {
    const ports = await agent.payloads(
      'ListeningPorts',
      ({ LocalAddress, Protocol }) => Protocol === 'tcp' && LocalAddress === '127.0.0.1',
    );
    const hub = ports.find(({ ExtraDetails }) =>
      /node$/.test((ExtraDetails as Record<string, string>)['Executable'] ?? ''),
    );
    const port = String(hub?.['LocalPort']);
    await agent.machine.shell(`exec 3<>/dev/tcp/127.0.0.1/${port}; sleep 2`);
    const [connection] = await agent.payloads(
      'ConnectionCreate',
      ({ Direction, Executable, RemotePort }) =>
        Direction === 'Out' && RemotePort === port && /bash$/.test(String(Executable)),
    );
    tell('A connection without IPv6', `to 127.0.0.1 ${port}`, JSON.stringify(connection));
    expect(connection).toMatchObject({ Protocol: 'tcp', RemoteAddress: '127.0.0.1' });
    const { collectors } = await agent.status('running', () => true);
    for (const name of ['ListeningPorts', 'ConnectionCreate']) {
      expect(collectors[name]).toMatchObject({ state: 'running' });
      expect(collectors[name]?.losses).not.toHaveProperty('unparsed');
    }
    const { stdout } = await agent.machine.run(['iot-security-agent', 'doctor']);
    expect(stdout).toMatch(/TCP port \d+ of \S+ answers/);
  });
});
