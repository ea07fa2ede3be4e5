import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentBundle, payloadsOf } from '../support/running-agent.js';
import { openAuditSocket, until } from '../support/device/audit-support.js';
import { AuditedAgent } from '../support/device/audited-agent.js';
import { InstalledDevice, unit } from '../support/device/installed-device.js';
import { packages } from '../support/device/packages.js';

let audited: AuditedAgent;
let socket: Awaited<ReturnType<typeof openAuditSocket>>;
let agent: ChildProcess | undefined;
let log: string[] = [];

/** As systemd starts it: with a socket of audit that goes on to fill while no agent runs. */
async function start(): Promise<void> {
  const command = [process.execPath, agentBundle, 'run', '--config', audited.fixture.configFile];
  log = [];
  agent = spawn('/bin/sh', ['-c', 'LISTEN_PID=$$ exec "$@"', 'sh', ...command], {
    env: {
      ...process.env,
      ...{ LISTEN_FDS: '1', LISTEN_FDNAMES: 'audit' },
      ...{ JOURNAL_STREAM: undefined, NOTIFY_SOCKET: undefined },
    },
    stdio: ['ignore', 'pipe', 'pipe', socket.fd],
    detached: true,
  });
  for (const stream of [agent.stdout, agent.stderr])
    if (stream !== null) createInterface({ input: stream }).on('line', (line) => log.push(line));
  await until('the agent is ready', 20_000, () => log.some((line) => /is ready/.test(line)));
}

/** Another program sends it a signal. */
function send(name: string): void {
  execFileSync('/bin/kill', [`-${name}`, String(agent?.pid)]);
}

async function ended(): Promise<void> {
  if (agent?.exitCode === null && agent.signalCode === null) await once(agent, 'exit');
}

async function told(sentence: RegExp): Promise<string> {
  const find = (): string | undefined =>
    audited.diagnostics.split('\n').find((line) => sentence.test(line));
  try {
    await until(String(sentence), 20_000, () => find() !== undefined);
  } catch (error) {
    throw new Error(`${audited.diagnostics}\n${log.slice(-20).join('\n')}`, { cause: error });
  }
  return find() ?? '';
}

const seconds = (sentence: string): number => Number(/for (\d+) s,/.exec(sentence)?.[1]);
const byKill = String.raw`by \S*/kill \(process \d+, user root\)`;

describe('an agent that comes back', () => {
  beforeAll(async () => {
    audited = new AuditedAgent();
    await audited.prepare();
    socket = await openAuditSocket();
  });

  afterAll(async () => {
    agent?.kill('SIGKILL');
    socket.close();
    await audited.close();
  });

  it('tells of being stopped, killed and asked to end for how long that was, and who did it', async () => {
    await start();
    const stoppedMs = Date.now();
    send('STOP');
    await until('some seconds passed', 5_000, () => Date.now() - stoppedMs > 3_000);
    send('CONT');
    const frozen = await told(new RegExp(`was stopped with SIGSTOP ${byKill}`));
    expect(seconds(frozen)).toBeGreaterThanOrEqual(3);

    send('KILL');
    await ended();
    const killedMs = Date.now();
    await until('some seconds passed', 5_000, () => Date.now() - killedMs > 2_000);
    await start();
    const killed = await told(new RegExp(`was killed with SIGKILL ${byKill}`));
    expect(seconds(killed)).toBeGreaterThanOrEqual(2);
    expect(seconds(killed)).toBeLessThan(30);

    send('TERM');
    await ended();
    await start();
    await told(new RegExp(`was asked to stop with SIGTERM ${byKill}`));

    const changes = payloadsOf(audited.fixture.hub.messages, 'StateChange')
      .filter(({ Subject }) => Subject === 'Agent')
      .map(({ After, ExtraDetails }) => [
        String(After).replace(/\d+/g, 'N'),
        ExtraDetails?.['UserName'],
        ExtraDetails?.['WhileDown'],
      ]);
    expect(changes).toEqual([
      ['not watching for N s: stopped or frozen (SIGSTOP)', 'root', undefined],
      ['not watching for N s: killed (SIGKILL)', 'root', 'true'],
      ['not watching for N s: asked to stop (SIGTERM)', 'root', 'true'],
    ]);
    // What the hub took in the moment of a kill is told again, with the same id.
    expect(audited.fixture.hub.messages.flatMap(({ problems }) => problems)).toEqual([]);
    send('TERM');
    await ended();
  });
});

describe('an installed agent without audit', () => {
  let device: InstalledDevice;

  beforeAll(async () => {
    device = await InstalledDevice.boot({ audit: false });
    await device.install(await packages());
    await device.enroll();
    await device.until('ActiveState', 'active');
  });
  afterAll(() => device.close());

  const diagnostics = (): readonly string[] =>
    payloadsOf(device.fixture.hub.messages, 'Diagnostic').map(({ Message }) => String(Message));

  async function tells(sentence: RegExp): Promise<void> {
    try {
      await until(String(sentence), 40_000, () =>
        diagnostics().some((text) => sentence.test(text)),
      );
    } catch (error) {
      throw new Error(await device.log(), { cause: error });
    }
  }

  it('says what systemd knows of its end, and that it stood still', async () => {
    const { container } = device;
    await until('a connection', 30_000, () => diagnostics().length > 0);
    await container.execute('systemctl', 'kill', '-s', 'KILL', unit);
    await tells(/^The agent was killed with SIGKILL\. Nobody watched this device for \d+ s, from /);

    await device.until('ActiveState', 'active');
    await container.execute('systemctl', 'stop', unit);
    await container.execute('systemctl', 'start', unit);
    await tells(/^The agent was asked to stop\. Nobody watched this device for \d+ s, from /);

    await container.freeze(14_000);
    await tells(/^The agent stood still: .* Nobody watched this device for 1\d s, from /);
  });
});
