import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentProcess } from '../../local-hub/agent-process.js';
import { auditctl, kernelState, startPrograms, until } from '../support/device/audit-support.js';
import { AuditedAgent } from '../support/device/audited-agent.js';
import { agentBundle } from '../support/running-agent.js';

const longestStopMs = 7_000;

let audited: AuditedAgent;
let silent: SilentPort | undefined;

beforeEach(async () => {
  audited = new AuditedAgent();
  await audited.prepare();
});

afterEach(async () => {
  await silent?.close();
  silent = undefined;
  await audited.close();
});

/** Takes connections on the hub's port and says nothing, as a hub behind a broken firewall does. */
class SilentPort {
  private readonly sockets = new Set<Socket>();
  private constructor(private readonly server: Server) {}

  static async open(port: number): Promise<SilentPort> {
    const server = createServer();
    const silentPort = new SilentPort(server);
    server.on('connection', (socket) => {
      silentPort.sockets.add(socket);
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return silentPort;
  }

  get taken(): number {
    return this.sockets.size;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

const hubStates = {
  'the hub answers': async () => {
    await audited.start();
  },
  'the hub takes messages and acknowledges nothing': async () => {
    await audited.start();
    audited.fixture.hub.faults.withholdAcknowledgements = true;
    audited.fixture.hub.faults.withholdTwinAnswers = true;
  },
  'the hub is gone': async () => {
    await audited.start();
    await audited.fixture.hub.stop();
  },
  'the hub was never there': async () => {
    await audited.fixture.hub.stop();
    await audited.fixture.startAgent();
  },
  'the hub takes the connection and says nothing': async () => {
    await audited.fixture.hub.stop();
    silent = await SilentPort.open(audited.fixture.hub.port);
    await audited.fixture.startAgent();
    await until('an attempt to connect', 10_000, () => (silent?.taken ?? 0) > 0);
  },
};

describe.each(['SIGTERM', 'SIGINT'] as const)('on %s the running agent', (signal) => {
  it.each(Object.entries(hubStates))(
    'exits with 0 within 7 s and leaves the kernel as it was while %s',
    async (_, reach) => {
      await reach();
      expect(auditctl('-l')).toContain('iot-security-agent');
      await startPrograms('waits', 20);
      const askedMs = performance.now();
      expect(await audited.fixture.stopAgent(signal)).toEqual({ code: 0, signal: null });
      const stopMs = performance.now() - askedMs;
      expect(kernelState()).toEqual(audited.kernelBefore);
      expect(stopMs).toBeLessThan(longestStopMs);
    },
  );
});

describe('the running agent that is stopped while it starts', () => {
  it.each([100, 200, 300, 400, 600])(
    'leaves the kernel as it was, %i ms after its start',
    async (afterMs) => {
      const agent = AgentProcess.start(agentBundle, audited.fixture.configFile, () => undefined);
      await sleep(afterMs);
      const ending = await agent.stop(longestStopMs);
      // Before the agent listens for signals it has changed nothing, and ends as every program does.
      expect([
        { code: 0, signal: null },
        { code: null, signal: 'SIGTERM' },
      ]).toContainEqual(ending);
      expect(kernelState()).toEqual(audited.kernelBefore);
    },
  );
});
