import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  desired,
  deviceId,
  Fixture,
  payloadsOf,
  quick,
  startsOf,
  type Event,
} from '../running-agent.js';
import { auditctl, kernelState, until } from './audit-support.js';

interface AgentStatus {
  readonly collectors: Record<
    string,
    { state: string; source?: string; limitation?: string; losses: Record<string, number> }
  >;
  readonly losses: Record<string, Record<string, number>>;
}

export function statusOf({ reported }: { reported: object }): AgentStatus | undefined {
  return (reported as { agentStatus?: AgentStatus }).agentStatus;
}

/**
 * What other programs on the machine may cause at any time: a large executable, a long command line, a program before the
 * rules of detection are read, a shell's line that asks for many expressions that are not compiled yet, a look at the
 * connections, which are polled here, that comes late.
 */
const causedByOthers = ['hashSkipped', 'commandLineCut', 'judgedInPart', 'notJudged', 'pollingGap'];

/** The built agent with the audit of this kernel, beside a hub over TLS. */
export class AuditedAgent {
  readonly fixture = new Fixture();
  /** Audit as a kernel has it after boot: off, short queues. Whatever the agent changes in it shows. */
  readonly kernelBefore = {
    rules: 'No rules',
    status: {
      ...kernelState().status,
      enabled: '0',
      backlog_limit: '64',
      backlog_wait_time: '15000',
    },
  };
  private readonly host = kernelState();

  /** @param changes of the local configuration */
  async prepare(changes: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.fixture.startHub();
    if (this.host.rules !== 'No rules' || this.host.status['pid'] !== '0') {
      const owner = `owner ${this.host.status['pid']}, ${this.host.rules}`;
      throw new Error(`Somebody uses kernel audit here, these tests would disturb it: ${owner}`);
    }
    setKernel(this.kernelBefore.status);
    this.fixture.configure({
      processSource: 'auto',
      audit: { own: 'auto' },
      disabledEvents: [],
      detection: true,
      ...changes,
    });
    this.set(quick);
  }

  /** Leaves the machine as it was, also after a test that failed. */
  async close(): Promise<void> {
    await this.fixture.close();
    auditctl('-D');
    setKernel(this.host.status);
  }

  set(settings: Parameters<typeof desired>[0]): void {
    this.fixture.hub.patchDesired(deviceId, desired(settings));
  }

  async start(): Promise<void> {
    await this.fixture.startAgent();
    await this.source('audit-owner');
  }

  /** Resolves when the reported properties tell that programs come from this source. */
  async source(name: string): Promise<void> {
    await this.fixture.hub.awaitTwin(
      deviceId,
      (twin) => statusOf(twin)?.collectors['ProcessCreate']?.source === name,
      15_000,
    );
  }

  get status(): AgentStatus | undefined {
    return statusOf(this.fixture.hub.readTwin(deviceId));
  }

  /** How often each program `<mark>-<n>` of `startPrograms` is accounted for, in the order of arrival. */
  starts(mark: string): ReadonlyMap<string, number> {
    const ours = [...startsOf(this.fixture.hub.messages)].flatMap(([line, hits]) => {
      const name = /^\/bin\/true (\S+-\d+)$/.exec(line)?.[1];
      return name?.startsWith(`${mark}-`) === true ? [[name, hits] as const] : [];
    });
    return new Map(ours);
  }

  async arrived(mark: string, count: number, limitMs = 15_000): Promise<void> {
    try {
      await until(`${count} × ${mark}`, limitMs, () => this.starts(mark).size >= count);
    } catch (error) {
      const log = [...this.fixture.log.slice(-20), this.diagnostics].join('\n');
      const missing = count - this.starts(mark).size;
      throw new Error(`${missing} programs are missing. The agent said:\n${log}`, { cause: error });
    }
  }

  /** Resolves when the agent has on its disk that each program `<mark>-<n>` was seen. */
  async journaled(mark: string, count: number): Promise<void> {
    await until(`${count} × ${mark} on disk`, 15_000, () => {
      const found = this.stateFiles().flatMap((text) => text.match(programs(mark)) ?? []);
      return new Set(found).size >= count;
    });
  }

  private stateFiles(): string[] {
    const state = join(this.fixture.directory, 'state');
    return readdirSync(state, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .flatMap(({ parentPath, name }) => {
        try {
          return [readFileSync(join(parentPath, name), 'latin1')];
        } catch {
          // The agent replaced it meanwhile; the next look finds the other one.
          return [];
        }
      });
  }

  /** Messages of the agent about itself, one in a line. */
  get diagnostics(): string {
    return payloadsOf(this.fixture.hub.messages, 'Diagnostic')
      .map(({ Message }) => String(Message))
      .join('\n');
  }

  /** What is wrong with the messages that arrived: not valid, or an event twice. */
  get problems(): readonly string[] {
    const ids = this.fixture.hub.messages.flatMap(({ json }) =>
      (json as { Events: Event[] }).Events.map(({ Id }) => Id),
    );
    const twice = ids.filter((id, index) => ids.indexOf(id) !== index);
    return [...this.fixture.hub.messages.flatMap(({ problems }) => problems), ...twice];
  }

  /** The losses that the stopped agent left on disk, by component and cause. */
  get losses(): readonly string[] {
    const file = join(this.fixture.directory, 'state', 'counters.json');
    const { losses } = JSON.parse(readFileSync(file, 'utf8')) as Pick<AgentStatus, 'losses'>;
    return Object.entries(losses).flatMap(([component, counts]) =>
      Object.entries(counts)
        .filter(([cause]) => !causedByOthers.includes(cause))
        .map(([cause, count]) => `${component} ${cause} ${count}`),
    );
  }
}

const programs = (mark: string): RegExp => new RegExp(`/bin/true ${mark}-\\d+`, 'g');

function setKernel(status: Readonly<Record<string, string>>): void {
  auditctl('-b', status['backlog_limit'] ?? '64');
  auditctl('--backlog_wait_time', status['backlog_wait_time'] ?? '15000');
  auditctl('-e', status['enabled'] ?? '0');
}
