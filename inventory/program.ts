import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, realpathSync } from 'node:fs';
import { plainReason } from '../base/errors.js';
import { printable } from '../base/text.js';
import { longestError, type ProgramAnswer } from '../collectors/inventory/answer.js';
import { longestOutput } from '../collectors/inventory/names.js';

/** Where administrators' programs are; nothing else is searched, whatever PATH says. */
const directories = ['/usr/sbin', '/sbin', '/usr/bin', '/bin'];

/** The file of a program, symbolic links resolved; undefined where the device has none that can be run. */
export function findProgram(program: string, where = directories): string | undefined {
  for (const directory of where) {
    const path = `${directory}/${program}`;
    try {
      accessSync(path, constants.X_OK);
      realpathSync(path);
      return path;
    } catch {
      // Not there, or a link that leads nowhere: the next one.
    }
  }
  return undefined;
}

interface RunOptions {
  /** So long it may take, in milliseconds. */
  readonly longestMs: number;
  readonly directories?: readonly string[];
  readonly longestOutput?: number;
}

/**
 * Runs a program with constant arguments: by its absolute path, without a shell, with nothing in its environment but the
 * language, nothing on standard input, and an end to how long it may run and write. Never rejects.
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions,
): Promise<ProgramAnswer> {
  const path = findProgram(program, [...(options.directories ?? directories)]);
  if (path === undefined) return { program, outcome: 'absent', stdout: '', error: '' };
  const child = spawn(path, [...args], {
    cwd: '/',
    env: { LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: false,
  });
  const found = realpathSync(path);
  return { program, path: found, ...(await untilEnd(child, options)) };
}

function untilEnd(
  child: ChildProcess,
  options: RunOptions,
): Promise<Omit<ProgramAnswer, 'program' | 'path'>> {
  const mostUnits = options.longestOutput ?? longestOutput;
  return new Promise((resolve) => {
    let [stdout, stderr] = ['', ''];
    let outcome: 'ended' | 'cut' | 'late' = 'ended';
    const end = (why: 'cut' | 'late'): void => {
      outcome = why;
      child.kill('SIGKILL');
      // A child of its own may hold the pipes open.
      child.stdout?.destroy();
      child.stderr?.destroy();
    };
    const deadline = setTimeout(() => end('late'), Math.max(0, options.longestMs));
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (stdout.length <= mostUnits) return;
      stdout = stdout.slice(0, mostUnits);
      end('cut');
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (stderr.length < 4 * longestError) stderr += text;
    });
    child.once('error', (error) => {
      clearTimeout(deadline);
      resolve({ outcome: 'failed', stdout: '', error: plainReason(error) });
    });
    child.once('close', (code, signal) => {
      clearTimeout(deadline);
      const error = printable(/^.*$/m.exec(stderr.trimStart())?.[0] ?? '', longestError);
      if (outcome !== 'ended') resolve({ outcome, stdout, error });
      else if (code !== null) resolve({ outcome, exitStatus: code, stdout, error });
      else resolve({ outcome: 'failed', stdout, error: `ended by ${signal ?? 'a signal'}` });
    });
  });
}
