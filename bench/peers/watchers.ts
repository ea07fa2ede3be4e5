import { setTimeout as wait } from 'node:timers/promises';
import { AgentWatching, type AgentSettings } from './agent.js';
import { startAuditd, startDiscarding } from './auditd.js';
import { auditRules } from './kernel-audit.js';
import type { Programs } from './packages.js';
import { startBpftrace, startForkstat } from './tracers.js';
import type { Watcher, Watching } from './watcher.js';

const sources = {
  audit: {
    title: 'kernel audit',
    local: { processSource: 'audit', connectionSource: 'auto' },
    audit: true,
  },
  'proc-connector': {
    title: 'proc connector',
    local: {
      processSource: 'proc-connector',
      connectionSource: 'tracefs',
      audit: { own: 'never' },
    },
    audit: false,
  },
  polling: {
    title: 'polling',
    local: { processSource: 'polling', connectionSource: 'polling', audit: { own: 'never' } },
    audit: false,
  },
} as const;

const intervalMs = 5_000;

const counting = (on: boolean) => ({
  aggregationEnabledProcessCreate: on,
  aggregationEnabledProcessTerminate: on,
  aggregationEnabledConnectionCreate: on,
  aggregationIntervalProcessCreate: `PT${intervalMs / 1000}S`,
  aggregationIntervalProcessTerminate: `PT${intervalMs / 1000}S`,
  aggregationIntervalConnectionCreate: `PT${intervalMs / 1000}S`,
});

/** How the agent is run with a source, told one by one or counted over 5 s. */
export function agentSettings(
  source: keyof typeof sources,
  aggregated: boolean,
  everything = false,
): AgentSettings {
  return { local: sources[source].local, twin: counting(aggregated), everything };
}

export function agentWatcher(
  source: keyof typeof sources,
  aggregated: boolean,
  everything = false,
): Watcher {
  const { title, audit } = sources[source];
  const how = aggregated ? 'aggregated' : 'each event';
  return {
    name: `agent-${everything ? 'whole' : source}${aggregated ? '-aggregated' : ''}`,
    title: `agent, ${everything ? 'all that it sees' : title}, ${how}`,
    audit,
    ends: 2,
    // A message leaves a second after its first event, at the earliest; a slow hub takes its time.
    tailMs: (aggregated ? intervalMs : 0) + (audit ? 6_000 : 3_000),
    // What the trace and audit tell of an accepted connection may wait for one another.
    connectionTailMs: (aggregated ? intervalMs : 0) + (audit ? 14_000 : 3_000),
    start: () => startAgent(agentSettings(source, aggregated, everything), audit),
  };
}

const nobody: Watching = {
  pids: () => [],
  told: () => ({ programs: 0, connections: 0, ends: 0, twice: 0 }),
  bytes: () => ({ written: 0, sent: 0, units: 0 }),
  found: () => ({ written: [], sent: [] }),
  stop: () => Promise.resolve(),
};

const untraced = {
  name: 'untraced',
  title: 'nobody watches',
  audit: false,
  ends: 0,
  tailMs: 0,
  connectionTailMs: 0,
  start: () => Promise.resolve(nobody),
} satisfies Watcher;

/** An agent in one of its settings; with audit only once its rules are set. */
async function startAgent(settings: AgentSettings, audit: boolean): Promise<AgentWatching> {
  const agent = await AgentWatching.start(settings);
  const untilMs = performance.now() + 15_000;
  while (audit && auditRules().length === 0) {
    if (performance.now() > untilMs) {
      await agent.stop();
      throw new Error(`The agent has set no audit rules: ${agent.log.join('\n')}`);
    }
    await wait(100);
  }
  return agent;
}

/** The rules that the agent has for what a peer tells, too, as `auditctl` lists them. */
export async function rulesOfAgent(): Promise<readonly string[]> {
  const agent = await startAgent(agentSettings('audit', false), true);
  try {
    // They are set one after the other.
    await wait(1_000);
    return auditRules();
  } finally {
    await agent.stop();
  }
}

/** All that are compared, in the order in which they are shown; quickly only those on audit, and one that traces. */
export function watchers(
  programs: Programs,
  rules: readonly string[],
  quick: boolean,
): readonly Watcher[] {
  const needing =
    (...names: readonly string[]) =>
    (): Promise<string | undefined> => {
      const absent = names.filter((name) => programs.path(name) === undefined);
      return Promise.resolve(
        absent.length === 0 ? undefined : (programs.missing ?? `${absent.join(', ')} is missing`),
      );
    };
  const discarding: Watcher = {
    name: 'discard',
    title: 'the same audit rules, all thrown away',
    audit: true,
    ends: 0,
    tailMs: 500,
    connectionTailMs: 500,
    start: () => startDiscarding(rules),
  };
  const auditd = (withLaurel: boolean): Watcher => ({
    name: withLaurel ? 'auditd-laurel' : 'auditd',
    title: withLaurel ? 'auditd with laurel' : 'auditd alone',
    audit: true,
    ends: 1,
    tailMs: 1_500,
    connectionTailMs: 1_500,
    unavailable: needing('auditd', ...(withLaurel ? ['laurel'] : [])),
    start: () => startAuditd(programs, rules, withLaurel),
  });
  const bpftrace: Watcher = {
    name: 'bpftrace',
    title: 'bpftrace',
    audit: false,
    ends: 1,
    tailMs: 1_500,
    connectionTailMs: 1_500,
    unavailable: needing('bpftrace'),
    start: () => startBpftrace(programs),
  };
  const forkstat: Watcher = {
    name: 'forkstat',
    title: 'forkstat',
    audit: false,
    ends: 0,
    tailMs: 1_000,
    connectionTailMs: 1_000,
    unavailable: needing('forkstat'),
    start: () => startForkstat(programs),
  };
  const counted = [agentWatcher('audit', false), agentWatcher('audit', true)];
  const alone = [auditd(false), auditd(true)];
  if (quick) return [untraced, discarding, ...counted, ...alone, bpftrace];
  const others = [
    agentWatcher('audit', false, true),
    agentWatcher('audit', true, true),
    ...(['proc-connector', 'polling'] as const).flatMap((source) => [
      agentWatcher(source, false),
      agentWatcher(source, true),
    ]),
  ];
  return [untraced, discarding, ...counted, ...others, ...alone, bpftrace, forkstat];
}
