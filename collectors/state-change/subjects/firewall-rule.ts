import type { Timer } from '../../../base/clock.js';
import { isUnavailable } from '../../../base/unavailable.js';
import { firewallConfiguration } from '../../firewall-configuration/index.js';
import { readKernelTables } from '../../firewall-configuration/kernel-tables.js';
import type { RunningCollector } from '../../interface/collector.js';
import type { Host } from '../../interface/host.js';
import type { Subject, SubjectWatchContext, Who } from '../../interface/state-subject.js';
import { readFilterChange } from '../../kernel/audit/filter-change.js';
import type { RuleChange } from '../../kernel/packet-filter/rule-change-messages.js';
import { readThreadGroup } from '../../kernel/processes/proc.js';
import { firewallItems } from './firewall-items.js';
import { LookPace } from './look-pace.js';
import { Doers } from './doers.js';

/** A look starts the inventory process: a dozen soon after one another, as an operator at work has them, then twelve an hour. */
const betweenLooksMs = 20_000;
const mostSoon = 12;
const eachMs = 300_000;
/** Where nothing tells of a change, and of what nothing tells. */
const otherwiseEachMs = 3_600_000;
/** Where the rules could not be seen: the inventory process may not be there yet. */
const againMs = 300_000;
const filterModule = /^\/module\/(?:nf_tables|ip6?_tables|ip6?table_\w+)$/u;

/**
 * The rules of the packet filter. nf_tables tells each transaction with its process; for legacy iptables kernel audit does.
 * What the rules are then is asked of the inventory process, as `FirewallConfiguration` does.
 */
export function firewallRule(): Subject {
  const doers = new Doers();
  return {
    name: 'FirewallRule',
    pollMs: againMs,
    watch: async (context) => {
      const watch = new RuleWatch(context, doers);
      await watch.start();
      return watch;
    },
    whoOf: () => doers.told,
    async look({ host, known, lose, signal }) {
      doers.lookBegins();
      const unseen: string[] = [];
      const found = await firewallConfiguration.collect({
        ...{ host, lose, signal },
        setSource: ({ limitation }) => {
          if (limitation !== undefined) unseen.push(limitation);
        },
      });
      if (isUnavailable(found)) return found;
      // What is not seen now would read as removed.
      if (unseen.length > 0) return { unavailable: unseen.join(' ') };
      doers.lookEnds();
      return firewallItems(found, known);
    },
  };
}

class RuleWatch implements RunningCollector {
  private readonly pace: LookPace;
  private readonly ends: (() => void | Promise<void>)[] = [];
  private timer: Timer | undefined;
  private hourly: Timer | undefined;
  private tables = false;
  private reasons = { tables: '', audit: '' };
  private stopped = false;

  constructor(
    private readonly context: SubjectWatchContext,
    private readonly doers: Doers,
  ) {
    this.pace = new LookPace(context.host.clock, betweenLooksMs, mostSoon, eachMs);
  }

  async start(): Promise<void> {
    const { host, lose } = this.context;
    const devices = await host.deviceEvents.subscribe({
      onEvent: ({ path, subsystem }) => {
        if (subsystem !== 'module' || !filterModule.test(path)) return;
        void this.followTables();
        this.notice();
      },
      onMissed: () => this.notice(),
      lose,
      onFailed: (error) => this.context.fail(error),
    });
    if (!isUnavailable(devices)) this.ends.push(() => devices.end());
    await this.followTables();
    await this.followAudit();
    await this.say();
    this.lookHourly();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    this.hourly?.cancel();
    for (const end of this.ends.splice(0)) await end();
  }

  /** Only where the kernel has nf_tables: to ask for its news would load it. */
  private async followTables(): Promise<void> {
    if (this.tables) return;
    this.tables = true;
    const { host, lose } = this.context;
    const { nfTables } = await readKernelTables(host.paths);
    const subscription =
      nfTables === false
        ? undefined
        : await host.ruleChanges.subscribe({
            onChange: (change) => this.notice(whoChanged(host, change)),
            onMissed: () => this.notice(),
            lose,
            onFailed: (error) => this.context.fail(error),
          });
    if (subscription === undefined || isUnavailable(subscription)) {
      this.tables = false;
      this.reasons.tables = subscription?.unavailable ?? '';
      return;
    }
    this.reasons.tables = '';
    if (this.stopped) subscription.end();
    else this.ends.push(() => subscription.end());
  }

  private async followAudit(): Promise<void> {
    const { host, lose } = this.context;
    const subscription = await host.audit.subscribe({
      name: 'StateChange of FirewallRule',
      rules: [],
      onEvent: (event) => {
        const change = readFilterChange(event);
        if (change === undefined) return;
        const { executable, pid, userId } = change;
        this.notice({
          ...(pid !== undefined && { pid }),
          ...(executable !== undefined && { executable }),
          ...(userId !== undefined && { userId: String(userId) }),
        });
      },
      lose,
      onState: () => undefined,
      onFailed: (error) => this.context.fail(error),
    });
    if (isUnavailable(subscription)) this.reasons.audit = subscription.unavailable;
    else this.ends.push(() => subscription.end());
  }

  private async say(): Promise<void> {
    const { audit, tables } = this.reasons;
    const { legacy } = await readKernelTables(this.context.host.paths);
    const mayHaveLegacy = legacy.ip?.length !== 0 || legacy.ip6?.length !== 0;
    const late = [
      ...(tables === '' ? [] : [`Changes of nftables are noticed within an hour: ${tables}`]),
      ...(audit === '' || !mayHaveLegacy
        ? []
        : [`Changes of legacy iptables are noticed within an hour: ${audit}`]),
    ];
    this.context.limit(late.length === 0 ? undefined : late.join(' '));
  }

  private lookHourly(): void {
    this.hourly = this.context.host.clock.after(otherwiseEachMs, () => {
      this.context.changed();
      this.lookHourly();
    });
  }

  private notice(who: Who = {}): void {
    if (this.stopped) return;
    this.doers.add(who);
    this.timer ??= this.context.host.clock.after(this.pace.waitMs(), () => {
      this.timer = undefined;
      this.pace.took();
      this.context.changed();
    });
  }
}

function whoChanged(host: Host, { threadId }: RuleChange): Who | undefined {
  if (threadId === undefined) return undefined;
  const pid = readThreadGroup(host.paths, threadId) ?? threadId;
  const known = host.processes.of(pid, host.clock.wallMs());
  return {
    pid,
    ...(known?.executable !== undefined && { executable: known.executable }),
    ...(known?.realUid !== undefined && { userId: String(known.realUid) }),
  };
}
