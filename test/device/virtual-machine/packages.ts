import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Suite } from '../../support/device/initial-ram-disk.js';
import { InstalledAgent, type KernelState, unit } from '../../support/device/installed-agent.js';

/** Kernels of their own under emulation: slow, and slower beside other work. */
export const limitMs = 600_000;

/** Prints it, for whoever reads the output of the run. */
export function tell(what: string, expected: unknown, found: unknown): void {
  process.stdout.write(`${what}: expected ${String(expected)}, found ${String(found)}\n`);
}

/** What an operator counts on, from the installation to the purge, on a release with its own kernel (`6.1`). */
export function describePackages(suite: Suite, version: string): void {
  describe(`the packages on Debian ${suite} with kernel ${version}`, { timeout: limitMs }, () => {
    let agent: InstalledAgent;
    let before: KernelState;

    beforeAll(async () => {
      agent = await InstalledAgent.boot(suite);
      before = await agent.kernel();
      expect(await agent.machine.execute('uname', '-r')).toMatch(new RegExp(`^${version}\\.`));
    }, limitMs);

    afterAll(async () => {
      process.stdout.write(`The journal of ${suite}:\n${await agent.journal().catch(String)}\n`);
      await agent.machine.stop();
    });

    const property = async (name: string): Promise<string> =>
      (await agent.machine.execute('systemctl', 'show', unit, '--value', '-p', name)).trim();

    it('are installed without a question, and wait for a credential, saying what to do', async () => {
      expect(await agent.install()).toContain('iot-security-agent enroll');
      expect(await property('ActiveState')).toBe('inactive');
      expect(await agent.journal()).toMatch(/Not configured yet.*iot-security-agent enroll/);
      expect(await agent.kernel()).toEqual(before);
    });

    it('are started by enroll, run without root, and are healthy from the best sources', async () => {
      expect(await agent.enroll()).toContain('Enrolled as device-1/azureiotsecurity');
      // The first looks are taken before the twin is there, which switches that at the firewall off.
      const { collectors } = await agent.status(
        'healthy',
        ({ health, collectors: { FirewallConfiguration: firewall } }) =>
          health === 'healthy' && firewall?.state === 'off',
      );
      expect(await agent.machine.execute('iot-security-agent', 'status')).toMatch(/^healthy/);
      const sources = ['ProcessCreate', 'ConnectionCreate', 'Login', 'ProcessTerminate'].map(
        (name) => `${name} ${collectors[name]?.source ?? ''}`,
      );
      const best = [
        'ProcessCreate audit-owner',
        'ConnectionCreate tracefs+audit-owner',
        'Login audit-owner',
        'ProcessTerminate proc-connector',
      ];
      tell(`Sources on ${suite}`, best.join(', '), sources.join(', '));
      expect(sources).toEqual(best);
      const pid = await property('MainPID');
      expect(await agent.machine.execute('stat', '-c', '%U', `/proc/${pid}`)).toBe(
        'iot-security-agent\n',
      );
      const { rules, traces } = await agent.kernel();
      expect(rules).toContain(`pid!=${pid}`);
      expect(traces).toHaveLength(1);
      expect(await agent.journal()).not.toContain('Warning');
    });

    it('score 2.2 or better in systemd-analyze security', async () => {
      const { stdout } = await agent.machine.run([
        'systemd-analyze',
        'security',
        '--no-pager',
        unit,
      ]);
      const score = /exposure level for .*: (\d+\.\d+)/.exec(stdout)?.[1];
      tell(`Exposure on ${suite}`, '2.2 at most', score);
      expect(Number(score)).toBeLessThanOrEqual(2.2);
    });

    it('tell the hub of a program, a connection and a login, all with their fields', async () => {
      const program = await agent.seesProgram('the program');
      expect(program).toMatchObject({
        CommandLine: '/bin/true the program',
        UserId: '0',
        UserName: 'root',
      });
      expect(program['Executable']).toMatch(/\/true$/);

      await agent.machine.shell(`
      cd /tmp && (python3 -c '
import socket
server = socket.create_server(("127.0.0.1", 8123))
accepted, _ = server.accept()
accepted.recv(1)' &)
      for try in $(seq 100); do ss -ltn | grep -q :8123 && break; sleep 0.2; done
      exec python3 -c '
import socket, time
client = socket.create_connection(("127.0.0.1", 8123), source_address=("127.0.0.1", 40123))
time.sleep(10)'`);
      const connections = await agent.payloads(
        'ConnectionCreate',
        ({ LocalPort, RemotePort }) => [LocalPort, RemotePort].includes('8123'),
        2,
      );
      const told = connections.map(
        ({ Protocol, Direction, LocalPort, RemotePort, Executable }) =>
          `${String(Protocol)} ${String(Direction)} ${String(LocalPort)}>${String(RemotePort)} ${String(Executable).replace(/3\.\d+$/, '3')}`,
      );
      const expected = [
        'tcp In 8123>40123 /usr/bin/python3',
        'tcp Out 40123>8123 /usr/bin/python3',
      ];
      tell(`Connections on ${suite}`, expected, told);
      expect([...told].sort()).toEqual(expected);

      const output = await agent.machine.shell(`
      mkdir -p /run/sshd /root/.ssh && ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
      cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
      /usr/sbin/sshd -p 2222 -o ListenAddress=127.0.0.1
      ssh -p 2222 -o StrictHostKeyChecking=no root@127.0.0.1 'echo "$SSH_CONNECTION"'`);
      const [login] = await agent.payloads(
        'Login',
        ({ UserName, Result }) => UserName === 'root' && Result === 'Success',
      );
      tell(`Login on ${suite}`, output.trim(), JSON.stringify(login));
      expect(login).toMatchObject({
        UserId: '0',
        RemoteAddress: '127.0.0.1',
        Executable: expect.stringMatching(/\/sshd(-session|-auth)?$/) as string,
      });

      const messages = await agent.machine.messages();
      expect(messages.flatMap(({ problems }) => problems)).toEqual([]);
    });

    it('take back every change to the kernel when they are stopped', async () => {
      await agent.machine.execute('systemctl', 'stop', unit);
      const [result, after] = [await property('Result'), await agent.kernel()];
      await agent.machine.execute('systemctl', 'start', unit);
      tell(`Kernel on ${suite} after stop`, JSON.stringify(before), JSON.stringify(after));
      expect(result).toBe('success');
      expect(after).toEqual(before);
      await agent.seesProgram('started-again');
    });

    it('come back after a kill with nothing of what was journaled lost', async () => {
      await agent.seesProgram('before-the-kill');
      await agent.machine.execute('systemctl', 'kill', '--signal=KILL', unit);
      await agent.seesProgram('after-the-kill');
      expect(await property('NRestarts')).toBe('1');
      const { rules, traces } = await agent.kernel();
      expect(rules.match(/pid!=\d+/g)?.every((text) => text === rules.match(/pid!=\d+/)?.[0])).toBe(
        true,
      );
      expect(traces).toHaveLength(1);
      await agent.status('healthy', ({ health }) => health === 'healthy');
    });

    it('leave audit to an auditd that is started, and see every program beside it and after it', async () => {
      // auditd is turned away once and systemd tries again, as often as it takes it.
      await agent.machine.shell(
        'for try in $(seq 10); do systemctl reset-failed auditd.service; systemctl start auditd.service && exit 0; sleep 1; done; exit 1',
      );
      const auditd = (await agent.machine.execute('pidof', 'auditd')).trim();
      await agent.status(
        'beside auditd',
        ({ collectors }) => collectors['ProcessCreate']?.source === 'audit-multicast',
      );
      expect((await agent.kernel()).status).toContain(`pid ${auditd}`);
      // Its own rule load deletes ours, which takes the agent a moment; that time is counted.
      await agent.machine.await('the rules of the agent', 60_000, async () =>
        (await agent.kernel()).rules.includes('iot-security-agent') ? true : undefined,
      );
      await agent.seesProgram('beside-auditd');
      await agent.machine.shell(
        `kill ${auditd}; while test -e /proc/${auditd}; do sleep 0.2; done`,
      );
      await agent.seesProgram('after-auditd');
      expect((await agent.kernel()).rules).toContain('iot-security-agent');
    });

    it('say so when audit is locked, and see what the locked rules record', async () => {
      await agent.machine.execute('auditctl', '-e', '2');
      await agent.machine.execute('systemctl', 'restart', unit);
      const { collectors } = await agent.status(
        'ready',
        ({ collectors: { ProcessCreate } }) => ProcessCreate?.source !== undefined,
      );
      tell(`Locked audit on ${suite}`, 'a limitation', collectors['ProcessCreate']?.limitation);
      expect(collectors['ProcessCreate']?.limitation).toContain('locked');
      await agent.seesProgram('under-locked-rules');
    });

    it('leave nothing behind when they are purged', async () => {
      await agent.machine.shell(
        'DEBIAN_FRONTEND=noninteractive apt-get purge -y iot-security-agent iot-security-agent-node 2>&1',
      );
      const left = await agent.machine.shell(
        'find / -xdev \\( -path /proc -o -path /sys -o -path /opt/test -o -path /etc/systemd/system/iot-security-agent.service.d -o -path /var/log/journal \\) -prune -o -iname "*iot-security-agent*" -print',
      );
      tell(`Left on ${suite}`, 'nothing', JSON.stringify(left));
      expect(left).toBe('');
      expect((await agent.kernel()).traces).toEqual([]);
      expect(
        await agent.machine.execute(
          'systemctl',
          'list-units',
          '--no-legend',
          '--all',
          'iot-security-agent*',
        ),
      ).toBe('');
    });
  });
}
