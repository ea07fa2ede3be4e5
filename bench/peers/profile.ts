import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { SourceMapPayload } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { AgentWatching, agentBundle } from './agent.js';
import { observe, quiet } from './measure.js';
import { filesOf, timeOfParts, type CpuProfile } from './profile-parts.js';
import { mainThreadMs, totalMs } from './process-cost.js';
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
 * Where the time of the agent on audit goes while `count` programs run and are sent. The profile tells shares of the clock
 * on the wall, of which another process may have had some: they are parted among what the kernel counted for the main thread.
 * The other threads, of V8 and libuv, have the profiler's own among them.
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
    let [fromUs, toUs, cpuUs, mainUs] = [0, 0, 0, 0];
    try {
      await quiet(() => agent.pids());
      const [pid = 0] = agent.pids();
      const mainBefore = mainThreadMs(pid);
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
      mainUs = (mainThreadMs(pid) - mainBefore) * 1000;
    } finally {
      await agent.stop();
    }
    const [name] = readdirSync(directory);
    if (name === undefined) throw new Error('The agent has left no profile.');
    const profile = JSON.parse(readFileSync(join(directory, name), 'utf8')) as TimedProfile;
    const map = readFileSync(join(dirname(agentBundle), 'bench', 'agent.cjs.map'), 'utf8');
    const fileAt = filesOf(JSON.parse(map) as SourceMapPayload);
    const times = timeOfParts(within(profile, fromUs, toUs), fileAt, basename(agentBundle));
    const sampled = [...times.values()].reduce((sum, us) => sum + us, 0);
    const each = (us: number): number => ((us / sampled) * mainUs) / count;
    return [
      ...[...times].map(([part, us]) => ({ part, us: each(us) })).sort((a, b) => b.us - a.us),
      { part: 'other threads of Node', us: (cpuUs - mainUs) / count },
      { part: 'in all', us: cpuUs / count },
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
