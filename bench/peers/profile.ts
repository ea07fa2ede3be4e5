import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { AgentWatching, agentBundle } from './agent.js';
import { observe, quiet } from './measure.js';
import { modulesOf, timeOfParts, type CpuProfile } from './profile-parts.js';
import { totalMs } from './process-cost.js';
import type { ProfilePart } from './result.js';
import { runPrograms } from './workload.js';
import { agentSettings, agentWatcher } from './watchers.js';

interface TimedProfile extends CpuProfile {
  /** Of the clock that never goes back, in microseconds. */
  readonly startTime: number;
}

const nowUs = (): number => Number(process.hrtime.bigint() / 1000n);

/** The samples between two times. */
function within(profile: TimedProfile, fromUs: number, toUs: number): CpuProfile {
  let at = profile.startTime;
  const kept = profile.timeDeltas.map((delta) => {
    at += delta;
    return at >= fromUs && at <= toUs;
  });
  return {
    nodes: profile.nodes,
    samples: profile.samples.filter((_, index) => kept[index]),
    timeDeltas: profile.timeDeltas.filter((_, index) => kept[index]),
  };
}

/**
 * Where the time of the agent on audit goes while `count` programs run and are sent. What V8 does not see, its own threads
 * and those of libuv, is what the kernel counted beyond the profile.
 */
export async function profileOf(
  count: number,
  aggregated: boolean,
): Promise<readonly ProfilePart[]> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-profile-'));
  try {
    const watcher = agentWatcher('audit', aggregated);
    const agent = await AgentWatching.start({
      ...agentSettings('audit', aggregated),
      nodeArguments: ['--cpu-prof', `--cpu-prof-dir=${directory}`, '--cpu-prof-interval=500'],
    });
    let [fromUs, toUs, cpuUs] = [0, 0, 0];
    try {
      await quiet(() => agent.pids());
      fromUs = nowUs();
      const { cpu } = await observe(
        watcher,
        agent,
        () => runPrograms('profile', count),
        () => agent.told('profile').programs,
        count,
      );
      toUs = nowUs();
      cpuUs = totalMs(cpu) * 1000;
    } finally {
      await agent.stop();
    }
    const [name] = readdirSync(directory);
    if (name === undefined) throw new Error('The agent has left no profile.');
    const profile = JSON.parse(readFileSync(join(directory, name), 'utf8')) as TimedProfile;
    const moduleAt = modulesOf(readFileSync(agentBundle, 'utf8'));
    const times = timeOfParts(within(profile, fromUs, toUs), moduleAt, basename(agentBundle));
    const main = [...times.values()].reduce((sum, us) => sum + us, 0);
    return [
      ...[...times].map(([part, us]) => ({ part, us: us / count })).sort((a, b) => b.us - a.us),
      { part: 'other threads of Node', us: Math.max(0, cpuUs - main) / count },
      { part: 'in all', us: Math.max(cpuUs, main) / count },
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
