import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, release, setPriority } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { curveNames, growth } from './curves.js';
import { auditObjection, auditStatus, restoreAudit } from './kernel-audit.js';
import { measure, type Amount, type Figures } from './measure.js';
import { providePrograms, type Programs } from './packages.js';
import { pageWith } from './page.js';
import { picture } from './picture.js';
import { memoryOf } from './process-cost.js';
import { profileOf } from './profile.js';
import { rounded, together, type Measured, type Result } from './result.js';
import { rulesOfAgent, watchers } from './watchers.js';
import type { Watcher } from './watcher.js';
import { niceness } from './workload.js';

const root = join(import.meta.dirname, '..', '..');
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const { values } = parseArgs({
  options: {
    peers: { type: 'boolean' },
    quick: { type: 'boolean', default: false },
    download: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    only: { type: 'string', multiple: true },
    output: { type: 'string' },
    page: { type: 'boolean', default: false },
    curve: { type: 'string', multiple: true },
  },
});
const quick = values.quick;
const rounds = Number(values.rounds ?? (quick ? 2 : 3));
const amount: Amount = quick
  ? { programs: 1_600, connections: 1_600, paced: 60 }
  : { programs: 3_200, connections: 3_200, paced: 150 };
/** Measures latencies in this round alone. */
const pacedRounds = quick ? 1 : 2;

/** Whoever is at work then is measured to its end, so that what it changed is undone. */
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => (interrupted = true));

/** Rounds in turns, each of all watchers, so that what changes on the machine meanwhile meets all of them. */
async function compare(all: readonly Watcher[]): Promise<readonly Measured[]> {
  const figures = new Map<Watcher, Figures[]>();
  const reasons = new Map<Watcher, string>();
  for (let round = 0; round < rounds; round++) {
    for (const watcher of all) {
      if (reasons.has(watcher)) continue;
      if (interrupted) throw new Error('The comparison was interrupted; audit is as it was found.');
      try {
        const reason = await watcher.unavailable?.();
        if (reason !== undefined) throw new Error(reason);
        const paced = round < pacedRounds ? amount.paced : 0;
        const of = await measure(watcher, { ...amount, paced }, `peer${round}`);
        figures.set(watcher, [...(figures.get(watcher) ?? []), of]);
        say(
          `${round + 1}/${rounds} ${watcher.title}: ${(of['execCpuUs'] ?? 0).toFixed(0)} µs an exec, ${(of['connectionCpuUs'] ?? 0).toFixed(0)} µs a connection, missed ${of['execMissed'] ?? '-'} and ${of['endsMissed'] ?? '-'}`,
        );
      } catch (error) {
        reasons.set(watcher, (error as Error).message);
        say(`${watcher.title}: not available: ${(error as Error).message}`);
      }
    }
  }
  return all.map((watcher) => {
    const { name, title } = watcher;
    const unavailable = figures.has(watcher) ? undefined : reasons.get(watcher);
    return {
      name,
      title,
      ...(unavailable !== undefined && { unavailable }),
      figures: together(figures.get(watcher) ?? []),
    };
  });
}

const text = (command: string, ...args: readonly string[]): string =>
  execFileSync(command, args, { encoding: 'utf8', cwd: root }).trim();

function machine(): Result['machine'] {
  const model = /^(?:model name|Model)\s*:\s*(.+)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'));
  const system = /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'));
  return {
    load: `load of the machine before ${(loadavg()[0] ?? 0).toFixed(1)}`,
    processors: `${availableParallelism()} × ${model?.[1] ?? process.arch}`,
    kernel: `Linux ${release().split('-', 1)[0] ?? ''}`,
    system: system?.[1] ?? '',
    node: `Node ${process.versions.node}`,
  };
}

/** A node that does nothing: the least that any program of it takes. */
async function bareNode(): Promise<Figures> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' });
  await wait(1_000);
  const { residentKb, proportionalKb, privateKb } = memoryOf([child.pid ?? 0]);
  child.kill();
  return {
    idleResidentKb: residentKb,
    idleProportionalKb: proportionalKb,
    idlePrivateKb: privateKb,
  };
}

/** One that cannot be had is left out, and the rest of the run stays. */
async function profiles(): Promise<Result['profiles']> {
  const made: Result['profiles'][number][] = [];
  for (const aggregated of quick ? [false] : [false, true]) {
    try {
      const parts = await profileOf(amount.programs, aggregated);
      made.push({ title: aggregated ? 'aggregated' : 'each event', parts });
    } catch (error) {
      say(`A profile is left out: ${(error as Error).message}`);
    }
  }
  return made;
}

async function run(programs: Programs): Promise<Result> {
  const all = watchers(programs, await rulesOfAgent(), quick).filter(
    ({ name }) => values.only === undefined || values.only.includes(name),
  );
  const measured = await compare(all);
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: text('git', 'describe', '--always'),
    quick,
    rounds,
    amount,
    machine: machine(),
    watchers: measured,
    bareNode: await bareNode(),
    profiles: await profiles(),
    curves: await growth(values.curve ?? (quick ? [] : curveNames), say),
  };
}

/** Writes the page and the picture of a result. */
async function draw(result: Result): Promise<void> {
  const page = join(root, 'docs', 'performance.md');
  const text = pageWith(readFileSync(page, 'utf8'), result);
  const options = await resolveConfig(page);
  writeFileSync(page, await format(text, { ...options, filepath: page }));
  writeFileSync(join(root, 'docs', 'performance.svg'), picture(result));
  say('written: docs/performance.md, docs/performance.svg');
}

async function compareAndWrite(file: string): Promise<void> {
  const objection = process.getuid?.() === 0 ? auditObjection() : 'it needs root';
  if (objection !== undefined) throw new Error(`The comparison cannot be run: ${objection}.`);
  const before = auditStatus();
  setPriority(niceness);
  try {
    const programs = await providePrograms(
      { auditd: 'auditd', laurel: 'laurel', bpftrace: 'bpftrace', forkstat: 'forkstat' },
      join(root, 'dist', 'bench', 'peers'),
      values.download,
    );
    const result = rounded(await run(programs));
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, await format(JSON.stringify(result), { parser: 'json', printWidth: 100 }));
    say(`written: ${file}`);
  } finally {
    restoreAudit(before);
  }
}

const full = join(root, 'bench', 'results', 'peers.json');
const file = values.output ?? (quick ? full.replace('.json', '-quick.json') : full);
try {
  if (!values.page) await compareAndWrite(file);
  // A quick run shows whether something has become worse; the page holds what was measured thoroughly.
  if (values.page || file === full) await draw(JSON.parse(readFileSync(file, 'utf8')) as Result);
  process.exit(0);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
}
