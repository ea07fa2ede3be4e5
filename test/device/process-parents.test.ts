import { execFile, spawn } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { hostPaths } from '../../collectors/kernel/paths.js';
import { readStat } from '../../collectors/kernel/processes/proc.js';
import { processCreate } from '../../collectors/process-create/index.js';
import { until } from '../support/device/audit-support.js';
import { WatchedHost } from '../support/device/watched-host.js';

const run = promisify(execFile);
const undo: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const shell = realpathSync('/bin/sh');
const python = realpathSync('/usr/bin/python3');
const count = 100;
const atOnce = 5;

/** Starts it `count` times, a few at once; `marker-N` stands for the argument that names the program. */
async function startEach(
  file: string,
  argvOf: (marker: string) => readonly string[],
  name: string,
) {
  const left = Array.from({ length: count }, (_, index) => `${name}-${index}`);
  const work = async (): Promise<void> => {
    for (let marker = left.pop(); marker !== undefined; marker = left.pop())
      await run(file, argvOf(marker));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

/** Programs whose parent is known to have been `executable` with those arguments. */
const cases = [
  {
    title: 'a shell that executes a short program next',
    file: shell,
    argvOf: (marker: string) => ['-c', `/bin/true ${marker}; exec /bin/true`],
  },
  {
    title: 'a shell that executes a long program next',
    file: shell,
    argvOf: (marker: string) => ['-c', `/bin/true ${marker}; exec /bin/sleep 0.1`],
  },
  {
    title: 'a shell with a pipeline that executes another program next',
    file: shell,
    argvOf: (marker: string) => ['-c', `/bin/true ${marker} | :; exec /bin/sleep 0.01`],
  },
  {
    title: 'a part of a shell that never executes anything',
    file: shell,
    argvOf: (marker: string) => ['-c', `( /bin/true ${marker}; : ) & wait; exec /bin/sleep 0.01`],
  },
  {
    title: 'a shell that executes one program after another',
    file: shell,
    argvOf: (marker: string) => [
      '-c',
      `exec /bin/sh -c "exec /bin/sh -c '/bin/true ${marker}; exec /bin/true'"`,
    ],
    told: (marker: string) => ['/bin/sh', '-c', `/bin/true ${marker}; exec /bin/true`],
  },
  {
    title: 'a program that starts another with vfork and is replaced at once',
    file: python,
    argvOf: (marker: string) => [
      '-c',
      `import os; os.posix_spawn("/bin/true", ["true", "${marker}"], {}); os.execv("/bin/sleep", ["sleep", "0.05"])`,
    ],
  },
  {
    title: 'a program that starts another with subprocess and is replaced at once',
    file: python,
    argvOf: (marker: string) => [
      '-c',
      `import os, subprocess; subprocess.Popen(["/bin/true", "${marker}"]); os.execv("/bin/true", ["true"])`,
    ],
  },
];

/** Who takes over the children of a process that ends here. */
async function reaperPid(): Promise<number> {
  const { stdout } = await run(shell, ['-c', '/bin/sleep 0.5 >/dev/null & echo $!']);
  return readStat(hostPaths, Number(stdout))?.parentPid ?? 1;
}

interface Parent {
  readonly pid: number;
  readonly executable: string | undefined;
  readonly argv: readonly string[] | undefined;
}

async function watch(processSource: 'audit' | 'proc-connector') {
  const host = await WatchedHost.start({ processSource });
  undo.push(() => host.stop());
  const { observed } = await host.watch(processCreate);
  /** By the marker among the arguments of the program. */
  const parentsOf = (name: string): ReadonlyMap<string, Parent> =>
    new Map(
      observed.flatMap(({ argv, detailArgv, payload }) => {
        const [, marker] = argv ?? [];
        if (argv?.length !== 2 || marker?.startsWith(`${name}-`) !== true) return [];
        const executable = payload.ExtraDetails?.['ParentExecutable'];
        const parent = { executable, argv: detailArgv?.['ParentCommandLine'] };
        return [[marker, { ...parent, pid: payload.ParentProcessId }] as const];
      }),
    );
  return { observed, parentsOf };
}

describe('the parent of a program on the real kernel', () => {
  it.each(cases)(`is, each of ${count} times, $title, from audit`, async (one) => {
    const { parentsOf } = await watch('audit');
    await startEach(one.file, one.argvOf, 'program');
    await until('all programs', 10_000, () => parentsOf('program').size >= count);
    for (const [marker, parent] of parentsOf('program')) {
      const argv = one.told?.(marker) ?? [one.file, ...one.argvOf(marker)];
      expect(parent).toMatchObject({ executable: one.file, argv });
    }
  });

  it.each(cases)('is $title, or not known, from the proc connector', async (one) => {
    const { parentsOf } = await watch('proc-connector');
    const reaper = await reaperPid();
    await startEach(one.file, one.argvOf, 'program');
    await run('/bin/sleep', ['0.2']);
    const parents = [...parentsOf('program')];
    // On a busy machine the parent may have ended before the event of the execution.
    const known = parents.filter(([, { argv, pid }]) => argv !== undefined && pid !== reaper);
    process.stdout.write(`${one.title}: ${parents.length} programs, ${known.length} parents\n`);
    for (const [marker, parent] of known) {
      const argv = one.told?.(marker) ?? [one.file, ...one.argvOf(marker)];
      expect(parent).toMatchObject({ executable: one.file, argv });
    }
  });

  it('is a shell that was there before the agent and executes something else next', async () => {
    const script = 'read line; /bin/true older-0; exec /bin/sleep 0.3';
    const child = spawn(shell, ['-c', script], { stdio: ['pipe', 'inherit', 'inherit'] });
    undo.push(() => void child.kill());
    const { parentsOf } = await watch('audit');
    child.stdin.write('go\n');
    await until('the program', 3000, () => parentsOf('older').size > 0);
    expect(parentsOf('older').get('older-0')).toMatchObject({
      executable: shell,
      argv: [shell, '-c', script],
    });
  });

  it('is who started it, or who took it over when that one had ended before', async () => {
    const { observed } = await watch('audit');
    const lines = (marker: string) => ['-c', `/bin/true ${marker} & :`];
    await startEach(shell, lines, 'orphan');
    const ours = () => observed.filter(({ argv }) => argv?.[1]?.startsWith('orphan-') === true);
    await until('all programs', 10_000, () => ours().length >= count);
    const shells = new Map(
      observed
        .filter(({ argv }) => argv?.[2]?.includes('orphan-') === true)
        .map(({ argv, payload }) => [payload.ProcessId, argv] as const),
    );
    const started = ours().filter(({ payload }) => shells.has(payload.ParentProcessId));
    process.stdout.write(`${started.length} of ${count} have the shell that started them\n`);
    for (const { argv, detailArgv, payload } of ours()) {
      const told = detailArgv?.['ParentCommandLine'];
      const starter = shells.get(payload.ParentProcessId);
      if (starter !== undefined) {
        expect(told).toEqual(starter);
        expect(told?.[2]).toContain(argv?.[1]);
      } else expect(told?.join(' ')).not.toContain('orphan-');
    }
  });
});
