import { desired, deviceId, Fixture, quick, startsOf } from '../../support/running-agent.js';
import { auditctl, kernelState, until } from '../audit-support.js';

type KernelState = ReturnType<typeof kernelState>;

/** The built agent with real kernel audit, beside a hub over TLS; remembers how the kernel was before. */
export class AuditedAgent {
  readonly fixture = new Fixture();
  readonly kernelBefore: KernelState = kernelState();

  async prepare(local: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.fixture.startHub();
    this.fixture.configure({ processSource: 'auto', audit: { own: 'auto' }, ...local });
    this.fixture.hub.patchDesired(deviceId, desired(quick));
  }

  /** Leaves the machine as it was, also after a test that failed. */
  async close(): Promise<void> {
    await this.fixture.close();
    const { status } = this.kernelBefore;
    auditctl('-D');
    auditctl('-b', status['backlog_limit'] ?? '64');
    auditctl('--backlog_wait_time', status['backlog_wait_time'] ?? '15000');
    auditctl('-e', status['enabled'] ?? '0');
  }

  /** Waits until `count` command lines with this mark are at the hub, and gives how often each was started. */
  async arrived(
    mark: string,
    count: number,
    limitMs: number,
  ): Promise<ReadonlyMap<string, number>> {
    const marked = (): ReadonlyMap<string, number> =>
      new Map([...startsOf(this.fixture.hub.messages)].filter(([line]) => line.includes(mark)));
    await until(`${count} programs ${mark}`, limitMs, () => marked().size >= count);
    return marked();
  }
}
