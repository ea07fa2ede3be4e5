import { chmodSync, readFileSync, statSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readStatusDocument, type StatusDocument } from '../../agent/status/document.js';
import {
  agentBundle,
  Fixture,
  runCommandLine,
  type CommandResult,
} from '../support/running-agent.js';

let fixture: Fixture;

beforeEach(async () => {
  fixture = new Fixture();
  await fixture.startHub();
});

afterEach(() => fixture.close());

/** Collectors that read files work in any environment; the others are Off, so that nothing else is degraded. */
const onlyPolling = {
  eventPriorityProcessTerminate: 'Off',
  eventPriorityLogin: 'Off',
  eventPriorityFirewallConfiguration: 'Off',
};

const status = (...options: string[]): Promise<CommandResult> =>
  runCommandLine(['status', '--config', fixture.configFile, ...options]);

async function until(
  wanted: (document: StatusDocument) => boolean,
): Promise<{ document: StatusDocument; code: number | null }> {
  const deadline = Date.now() + 40_000;
  let last = '';
  while (Date.now() < deadline) {
    const { code, stdout, stderr } = await status('--json');
    last = stdout + stderr;
    if (stdout !== '') {
      const document = readStatusDocument(stdout);
      if (wanted(document)) return { document, code };
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`The status did not become what was wanted: ${last}`);
}

describe('status', () => {
  it('follows the agent from healthy to degraded while the hub is away, and to not running, in its exit code', async () => {
    const metricsFile = join(fixture.directory, 'agent.prom');
    fixture.configure({ disconnectionTolerance: 'PT1S', metricsFile });
    fixture.hub.patchDesired('device-1', {
      'ms_iotn:urn_azureiot_Security_SecurityAgentConfiguration': Object.fromEntries(
        Object.entries(onlyPolling).map(([key, value]) => [key, { value }]),
      ),
    });
    const before = await status();
    expect(before.code).toBe(2);
    expect(before.stderr).toMatch(/The agent is not running.*systemctl start/);

    await fixture.startAgent();
    const { document, code } = await until(
      ({ connection, health }) => health === 'healthy' && connection.state === 'connected',
    );
    expect(code).toBe(0);
    expect(document.connection).toMatchObject({ state: 'connected', disconnectedSeconds: 0 });
    expect(document.twin.desiredVersion).toBeGreaterThan(0);
    expect(document.collectors['ProcessCreate']).toMatchObject({
      state: 'running',
      source: 'polling',
    });
    expect(document.collectors['ListeningPorts']?.lastRunUtc).toMatch(/^\d{4}-\d\d-\d\dT/);
    expect(document.agent.residentBytes).toBeGreaterThan(20_000_000);
    const text = await status();
    expect(text.code).toBe(0);
    expect(text.stdout).toMatch(/^healthy\n/);
    expect(readFileSync(metricsFile, 'utf8')).toContain('iot_security_agent_uptime_seconds ');
    expect(statSync(metricsFile).mode & 0o777).toBe(0o644);

    await fixture.hub.stop();
    const degraded = await until(({ health }) => health === 'degraded');
    expect(degraded.code).toBe(1);
    expect(degraded.document.problems).toMatchObject([{ code: 'disconnected' }]);
    expect((await status()).stdout).toMatch(
      /^degraded because there has been no connection to the hub/,
    );

    await fixture.stopAgent();
    expect((await status()).code).toBe(2);
    expect(() => statSync(metricsFile)).toThrow('ENOENT');
    await fixture.startHub();
  });

  it('is asked again and again with --watch, also into a pipe, until interrupted', async () => {
    fixture.configure();
    await fixture.startAgent();
    const args = [agentBundle, 'status', '--watch', '--config', fixture.configFile];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const twice = new Promise<void>((resolve) => {
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (output.split('Connection').length > 2) resolve();
      });
    });
    await twice;
    child.kill('SIGINT');
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect([0, 1]).toContain(code);
    expect(output).not.toContain('\u001b');
  });

  it('is refused to another user, in a sentence that says who may', async () => {
    fixture.configure();
    await fixture.startAgent();
    const socket = join(fixture.directory, 'run', 'status.sock');
    expect(statSync(socket).mode & 0o777).toBe(0o660);
    const isRoot = process.getuid?.() === 0;
    if (isRoot) {
      // Nobody may reach the socket and find it closed; the bundle, too, must be in reach.
      for (const path of [fixture.directory, join(fixture.directory, 'run')])
        chmodSync(path, 0o755);
      chmodSync(fixture.configFile, 0o644);
    } else chmodSync(socket, 0o000);
    const { code, stderr } = await new Promise<{ code: number | null; stderr: string }>(
      (resolve) => {
        const child = spawn(
          process.execPath,
          [agentBundle, 'status', '--config', fixture.configFile],
          { stdio: ['ignore', 'ignore', 'pipe'], ...(isRoot ? { uid: 65_534, gid: 65_534 } : {}) },
        );
        let stderr = '';
        child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
        child.once('close', (code) => resolve({ code, stderr }));
      },
    );
    expect(stderr).toMatch(/asked for by root and by members of the agent's group alone/);
    expect(code).toBe(2);
  });

  it('of an agent that was killed is not there, and the next agent replaces its socket', async () => {
    fixture.configure();
    await fixture.startAgent();
    await fixture.killAgent();
    expect((await status()).code).toBe(2);
    await fixture.startAgent();
    expect((await status()).code).not.toBe(2);
  });

  it('belongs to the first of two agents', async () => {
    fixture.configure();
    await fixture.startAgent();
    const { document } = await until(({ agent }) => agent.ready);
    fixture.configure({ stateDirectory: join(fixture.directory, 'state-2') });
    const second = spawn(process.execPath, [agentBundle, 'run', '--config', fixture.configFile], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let log = '';
    const ready = new Promise<void>((resolve) => {
      second.stderr.on('data', (chunk: Buffer) => {
        log += chunk.toString();
        if (/\bready\b/.test(log)) resolve();
      });
    });
    await ready;
    expect(log).toMatch(/The status cannot be asked for at .*another agent uses it already/);
    expect((await until(() => true)).document.agent.pid).toBe(document.agent.pid);
    second.kill('SIGTERM');
    await new Promise((resolve) => second.once('close', resolve));
    expect((await until(() => true)).document.agent.pid).toBe(document.agent.pid);
  });
});

describe('messages that the hub takes and never acknowledges', () => {
  it('are not counted as sent, and make the agent degraded with the reason', async () => {
    fixture.configure({ requestTimeout: 'PT1S' });
    fixture.hub.faults.withholdAcknowledgements = true;
    fixture.hub.patchDesired('device-1', {
      'ms_iotn:urn_azureiot_Security_SecurityAgentConfiguration': {
        highPriorityMessageFrequency: { value: 'PT1S' },
      },
    });
    await fixture.startAgent();
    const isTold = ({ problems }: StatusDocument): boolean =>
      problems.some(({ code }) => code === 'unacknowledged');
    const { document, code } = await until(isTold);
    expect(code).toBe(1);
    expect(document.today).toMatchObject({ messages: 0, units: 0 });
    expect(document.today.unacknowledged).toBeGreaterThanOrEqual(3);
    expect(
      document.problems.find((problem) => problem.code === 'unacknowledged')?.sentence,
    ).toMatch(
      /^the hub acknowledged none of the last \d+ attempts to send: The hub did not acknowledge a security message within 1 s$/,
    );
    expect((await status()).stdout).toMatch(
      /Today +0 messages, 0 units of 4 KB; \d+ more were sent and not acknowledged/,
    );

    fixture.hub.faults.withholdAcknowledgements = false;
    const recovered = await until((now) => !isTold(now) && now.today.messages > 0);
    expect(recovered.document.delivery).toMatchObject({ failedInARow: 0 });
  });
});

describe('a device whose id no topic of MQTT carries', () => {
  it.each(['gw+7', 'LightSensor#1'])('%s is refused before the agent runs', async (deviceId) => {
    const identity = { hostName: 'hub.example', deviceId, keyFile: fixture.keyFile };
    fixture.configure({ identity });
    for (const verb of ['run', 'check-config', 'doctor']) {
      const { code, stdout, stderr } = await runCommandLine([verb, '--config', fixture.configFile]);
      expect(code).toBe(verb === 'doctor' ? 1 : 78);
      expect(stdout + stderr).toContain(
        `identity.deviceId is "${deviceId}", but must be an id without + and #, because the transport (MQTT) cannot carry + and # in topics`,
      );
    }
  });
});
