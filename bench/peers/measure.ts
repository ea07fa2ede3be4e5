import { writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { auditLost } from './kernel-audit.js';
import {
  anonymousKb,
  cpuOf,
  kauditd,
  memoryOf,
  peakFrom,
  peakResidentKb,
  since,
  totalMs,
  type Cpu,
} from './process-cost.js';
import { percentile } from './statistics.js';
import type { Found, Told, Watcher, Watching } from './watcher.js';
import { nsOfCall, runConnections, runPaced, runPrograms, type Run } from './workload.js';

/** How much is started in a round. */
export interface Amount {
  readonly programs: number;
  readonly connections: number;
  /** Programs at a steady pace, for the latency; 0 measures none. */
  readonly paced: number;
}

/**
 * What one round gave of a watcher: plain numbers by name, so that rounds can be put together. Times of CPU are in
 * microseconds for each program or connection, memory is in KB.
 */
export type Figures = Readonly<Record<string, number>>;

const kernelThread = kauditd();

/** Resolves when the processes have used at most 10 ms in half a second, or after `limitMs`. */
export async function quiet(pids: () => readonly number[], limitMs = 20_000): Promise<void> {
  const untilMs = performance.now() + limitMs;
  let before = totalMs(cpuOf(pids()));
  let calm = 0;
  while (calm < 2 && performance.now() < untilMs) {
    await wait(500);
    const now = totalMs(cpuOf(pids()));
    calm = now - before <= 10 ? calm + 1 : 0;
    before = now;
  }
}

/** Waits until everything of a workload is told, or nothing has come for as long as something may still come. */
async function settled(
  watching: Watching,
  progress: () => number,
  all: number,
  tailMs: number,
): Promise<void> {
  let [told, sinceMs] = [-1, performance.now()];
  while (told < all && performance.now() - sinceMs < tailMs) {
    await wait(200);
    const now = progress();
    if (now > told) [told, sinceMs] = [now, performance.now()];
  }
  await quiet(() => watching.pids(), 5_000);
}

interface Observed {
  readonly run: Run;
  readonly cpu: Cpu;
  readonly kernelMs: number;
  readonly lost: number;
  readonly peakAnonymousKb: number;
  readonly bytes: ReturnType<Watching['bytes']>;
}

/** Runs a workload under a watcher, with all that it does for it until the last of it is told. */
export async function observe(
  watcher: Watcher,
  watching: Watching,
  workload: () => Promise<Run>,
  progress: () => number,
  all: number,
  tailMs = watcher.tailMs,
): Promise<Observed> {
  const threads = watcher.audit && kernelThread !== undefined ? [kernelThread] : [];
  const [before, kernelBefore] = [cpuOf(watching.pids()), cpuOf(threads)];
  const lostBefore = watcher.audit ? auditLost() : 0;
  const bytesBefore = watching.bytes();
  let peakAnonymousKb = 0;
  const sampling = setInterval(() => {
    peakAnonymousKb = Math.max(peakAnonymousKb, anonymousKb(watching.pids()));
  }, 50);
  const run = await workload();
  await settled(watching, progress, all, tailMs);
  clearInterval(sampling);
  const bytes = watching.bytes();
  return {
    run,
    cpu: since(before, cpuOf(watching.pids())),
    kernelMs: totalMs(since(kernelBefore, cpuOf(threads))),
    lost: watcher.audit ? auditLost() - lostBefore : 0,
    peakAnonymousKb,
    bytes: {
      written: bytes.written - bytesBefore.written,
      sent: bytes.sent - bytesBefore.sent,
      units: bytes.units - bytesBefore.units,
    },
  };
}

/** CPU, losses and slowness of one workload, by names that begin with `of`. */
function figuresOf(of: string, observed: Observed, count: number, told: number | undefined) {
  const { run, cpu, kernelMs, lost, bytes } = observed;
  const each = (ms: number): number => (ms * 1000) / count;
  return {
    [`${of}CpuUs`]: each(totalMs(cpu)),
    [`${of}UserUs`]: each(cpu.userMs),
    [`${of}SystemUs`]: each(cpu.systemMs),
    [`${of}KernelThreadUs`]: each(kernelMs),
    [`${of}WorkloadCpuUs`]: each(run.cpuMs),
    [`${of}WallUs`]: each(run.wallMs),
    [`${of}RecordsLost`]: lost,
    [`${of}WrittenBytes`]: bytes.written / count,
    [`${of}SentBytes`]: bytes.sent / count,
    [`${of}Units`]: bytes.units,
    ...(told !== undefined && { [`${of}Missed`]: count - told }),
  };
}

const latencies = (of: string, found: readonly Found[]): Figures => {
  if (found.length === 0) return {};
  const values = found.map(({ startedMs, foundMs }) => foundMs - startedMs);
  return { [`${of}P50Ms`]: percentile(values, 0.5), [`${of}P99Ms`]: percentile(values, 0.99) };
};

/** One round of one watcher: started, measured, ended. */
export async function measure(watcher: Watcher, amount: Amount, mark: string): Promise<Figures> {
  const watching = await watcher.start();
  try {
    await quiet(() => watching.pids());
    const pids = watching.pids();
    const idle = memoryOf(pids);
    const figures: Record<string, number> = { callNs: await nsOfCall() };
    for (const pid of pids) writeFileSync(peakFrom(pid), '5');
    let told = 0;
    const telling = watcher.tailMs > 0 && watcher.name !== 'discard';
    const programs = await observe(
      watcher,
      watching,
      () => runPrograms(`${mark}p`, amount.programs),
      () => (told = watching.told(`${mark}p`).programs),
      telling ? amount.programs : 0,
    );
    Object.assign(
      figures,
      figuresOf('exec', programs, amount.programs, telling ? told : undefined),
    );
    if (telling) figures['execTwice'] = watching.told(`${mark}p`).twice;
    const peakKb = peakResidentKb(pids);
    const { ends } = watcher;
    const toldOfConnections = (): Told => watching.told(`${mark}c`);
    const connections = await observe(
      watcher,
      watching,
      () => runConnections(amount.connections),
      () => toldOfConnections().ends,
      ends * amount.connections,
      watcher.connectionTailMs,
    );
    if (ends > 0 || !telling)
      Object.assign(
        figures,
        figuresOf(
          'connection',
          connections,
          amount.connections,
          telling ? toldOfConnections().connections : undefined,
        ),
      );
    if (telling && ends > 0)
      figures['endsMissed'] = ends * amount.connections - toldOfConnections().ends;
    if (telling && amount.paced > 0) {
      await runPaced(`${mark}l`, amount.paced, 50);
      const toldOfPaced = (): number => watching.told(`${mark}l`).programs;
      await settled(watching, toldOfPaced, amount.paced, watcher.tailMs);
      const found = watching.found(`${mark}l`);
      Object.assign(figures, latencies('written', found.written), latencies('hub', found.sent));
    }
    if (pids.length > 0)
      Object.assign(figures, {
        processes: pids.length,
        idleResidentKb: idle.residentKb,
        idleProportionalKb: idle.proportionalKb,
        idlePrivateKb: idle.privateKb,
        peakResidentKb: Math.max(peakKb, peakResidentKb(pids)),
        peakAnonymousKb: Math.max(programs.peakAnonymousKb, connections.peakAnonymousKb),
      });
    return figures;
  } finally {
    await watching.stop();
  }
}
