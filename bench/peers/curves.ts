import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { AgentWatching, type AgentSettings } from './agent.js';
import { lookAtFirewall, lookAtPorts, lookAtUsers, sleepers, sockets, type Load } from './load.js';
import { observe, quiet, type Figures } from './measure.js';
import { cpuOf, memoryOf, peakFrom, peakResidentKb, since, totalMs } from './process-cost.js';
import type { Curve } from './result.js';
import { agentSettings, agentWatcher } from './watchers.js';
import { runPaced, runPrograms, type Run } from './workload.js';

const megabytes = (kilobytes: number): number => kilobytes / 1024;

async function withAgent<T>(
  settings: AgentSettings,
  use: (agent: AgentWatching) => Promise<T>,
): Promise<T> {
  const agent = await AgentWatching.start(settings);
  try {
    await quiet(() => agent.pids());
    for (const pid of agent.pids()) writeFileSync(peakFrom(pid), '5');
    return await use(agent);
  } finally {
    await agent.stop();
  }
}

/** A workload of programs `<mark>-…` under an agent, up to their arrival; `all` of them when they arrive at all. */
async function stormOf(
  agent: AgentWatching,
  aggregated: boolean,
  workload: () => Promise<Run>,
  count: number,
  told: () => number,
  all = count,
): Promise<Figures> {
  const { cpu } = await observe(agentWatcher('audit', aggregated), agent, workload, told, all);
  return {
    'µs of CPU an exec': (totalMs(cpu) * 1000) / count,
    'MB at the peak': megabytes(peakResidentKb(agent.pids())),
  };
}

async function rates(): Promise<Curve> {
  const points: { x: number; figures: Figures }[] = [];
  await withAgent(agentSettings('audit', false), async (agent) => {
    for (const [rate, count] of [
      [10, 60],
      [50, 250],
      [200, 800],
    ] as const) {
      const workload = async (): Promise<Run> => {
        await runPaced(`rate${rate}`, count, rate);
        return { wallMs: 0, cpuMs: 0 };
      };
      const told = (): number => agent.told(`rate${rate}`).programs;
      const figures = await stormOf(agent, false, workload, count, told);
      points.push({ x: rate, figures });
    }
  });
  return { name: 'rate', title: 'Programs a second, each told', unit: 'programs a second', points };
}

async function identities(): Promise<Curve> {
  const count = 3_200;
  const points: { x: number; figures: Figures }[] = [];
  for (const different of [1, 100, 1_000, count]) {
    const figures = await withAgent(agentSettings('audit', true), (agent) =>
      stormOf(
        agent,
        true,
        () => runPrograms('identity', count, different),
        count,
        () => agent.told('identity').programs,
        different,
      ),
    );
    points.push({ x: different, figures });
  }
  return {
    name: 'identities',
    title: `Different programs among ${count}, aggregated`,
    unit: 'different programs',
    points,
  };
}

/** With the hub away: once the cache of the default size is full, the oldest make room. */
async function fullSpool(): Promise<Curve> {
  const count = 3_200;
  const points: { x: number; figures: Figures }[] = [];
  const { local, twin } = agentSettings('audit', false);
  const settings = { local, twin: { ...twin, maxLocalCacheSizeInBytes: 2_560_000 } };
  await withAgent(settings, async (agent) => {
    await agent.takeHubAway();
    for (let storm = 1; storm <= 4; storm++) {
      const workload = () => runPrograms(`full${storm}`, count);
      const figures = await stormOf(agent, false, workload, count, () => 0, Infinity);
      points.push({ x: storm * count, figures });
    }
  });
  return {
    name: 'full-spool',
    title: 'The hub away, each event kept until 2.56 MB are full',
    unit: 'programs since then',
    points,
  };
}

/** What an agent costs that has nothing to tell, with so much there. */
async function resting(settings: AgentSettings, load: Load | undefined): Promise<Figures> {
  try {
    return await withAgent(settings, async (agent) => {
      const before = cpuOf(agent.pids());
      const seconds = 8;
      await wait(seconds * 1000);
      const cpu = totalMs(since(before, cpuOf(agent.pids())));
      return {
        '% of a processor': cpu / seconds / 10,
        'MB resident': megabytes(memoryOf(agent.pids()).residentKb),
      };
    });
  } finally {
    await load?.end();
  }
}

async function present(
  make: (count: number) => Promise<Load>,
  counts: readonly number[],
  also?: () => Promise<Figures>,
): Promise<Curve['points']> {
  const points: { x: number; figures: Figures }[] = [];
  for (const x of counts) {
    const figures: Record<string, number> = {};
    for (const source of ['audit', 'polling'] as const) {
      const load = x === 0 ? undefined : await make(x);
      const of = await resting(agentSettings(source, true), load);
      for (const [name, value] of Object.entries(of)) figures[`${name}, ${source}`] = value;
    }
    if (also !== undefined) {
      const load = x === 0 ? undefined : await make(x);
      try {
        for (const [name, value] of Object.entries(await also()))
          figures[`${name}, one look at the ports`] = value;
      } finally {
        await load?.end();
      }
    }
    points.push({ x, figures });
  }
  return points;
}

async function looks(
  look: (directory: string, count: number) => Promise<Figures>,
): Promise<Curve['points']> {
  const points: { x: number; figures: Figures }[] = [];
  for (const x of [50, 500, 5_000]) {
    const directory = mkdtempSync(join(tmpdir(), 'bench-look-'));
    try {
      points.push({ x, figures: await look(directory, x) });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
  return points;
}

const curves: Readonly<Record<string, () => Promise<Curve>>> = {
  rate: rates,
  identities,
  'full-spool': fullSpool,
  processes: async () => ({
    name: 'processes',
    title: 'Processes that sleep, an agent at rest',
    unit: 'processes',
    points: await present(sleepers, [0, 1_000, 10_000]),
  }),
  sockets: async () => ({
    name: 'sockets',
    title: 'Sockets of TCP, an agent at rest, and one look with `collect`',
    unit: 'sockets',
    points: await present(sockets, [0, 2_000, 20_000], lookAtPorts),
  }),
  users: async () => ({
    name: 'users',
    title: 'Local users, one look with `collect`',
    unit: 'users',
    points: await looks(lookAtUsers),
  }),
  firewall: async () => ({
    name: 'firewall',
    title: 'Rules of nftables, one look with `collect`, without the inventory process',
    unit: 'rules',
    points: await looks(lookAtFirewall),
  }),
};

export const curveNames = Object.keys(curves);

/** How the agent grows with what there is; a curve that cannot be had on this machine is left out, and `say` told why. */
export async function growth(
  names: readonly string[],
  say: (sentence: string) => void,
): Promise<readonly Curve[]> {
  const made: Curve[] = [];
  for (const [name, make] of Object.entries(curves)) {
    if (!names.includes(name)) continue;
    try {
      const curve = await make();
      made.push(curve);
      say(`curve ${name}: ${JSON.stringify(curve.points.at(-1))}`);
    } catch (error) {
      say(`The curve ${name} is left out: ${(error as Error).message}`);
    }
  }
  return made;
}
