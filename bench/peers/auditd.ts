import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { auditStatus, prepareAudit, restoreAudit, setAuditRules } from './kernel-audit.js';
import type { Programs } from './packages.js';
import { treeOf } from './process-cost.js';
import type { Watching } from './watcher.js';
import { niceness } from './workload.js';
import { WrittenFiles } from './written-files.js';

/** As the rules that Debian brings along have it. */
const backlogLimit = 8192;
const backlogWait = 60_000;

/** Large enough that nothing is rotated away before it was counted. */
const megabytes = 1000;

interface Started {
  /** Where the program writes its records. */
  readonly output: string;
  readonly command: readonly string[];
}

const setting = (text: string, name: string, value: string): string =>
  new RegExp(`^#?\\s*${name}\\s*=.*$`, 'm').test(text)
    ? text.replace(new RegExp(`^#?\\s*${name}\\s*=.*$`, 'm'), () => `${name} = ${value}`)
    : `${text}\n${name} = ${value}\n`;

/** auditd as Debian configures it, but for where it writes, with laurel behind it or alone. */
function prepare(directory: string, programs: Programs, withLaurel: boolean): Started {
  const plugins = join(directory, 'plugins.d');
  const output = join(directory, withLaurel ? 'laurel' : 'log');
  mkdirSync(join(directory, 'log'));
  mkdirSync(plugins);
  let text = readFileSync(programs.file('/etc/audit/auditd.conf') ?? '', 'utf8');
  text = setting(text, 'log_file', join(directory, 'log', 'audit.log'));
  text = setting(text, 'plugin_dir', plugins);
  text = setting(text, 'max_log_file', String(megabytes));
  if (withLaurel) {
    mkdirSync(output);
    // As laurel's own description tells: auditd writes no log beside it.
    text = setting(text, 'write_logs', 'no');
    let laurel = readFileSync(programs.file('/etc/laurel/config.toml') ?? '', 'utf8');
    laurel = laurel.replace(/^user = .*$/m, '');
    laurel = setting(laurel, 'directory', JSON.stringify(output));
    laurel = setting(laurel, 'size', String(megabytes * 1_000_000));
    writeFileSync(join(directory, 'laurel.toml'), laurel);
    writeFileSync(
      join(plugins, 'laurel.conf'),
      [
        'active = yes',
        'direction = out',
        'type = always',
        'format = string',
        `path = ${programs.path('laurel') ?? ''}`,
        `args = --config ${join(directory, 'laurel.toml')}`,
        '',
      ].join('\n'),
      { mode: 0o640 },
    );
  }
  writeFileSync(join(directory, 'auditd.conf'), text, { mode: 0o640 });
  return {
    output,
    command: [programs.path('auditd') ?? '', '-n', '-s', 'nochange', '-c', directory],
  };
}

/**
 * A reader that receives every record and throws it away, as the process that owns audit: what the rules alone cost
 * whoever reads. AUDIT_SET with AUDIT_STATUS_PID, `uapi/linux/audit.h`.
 */
const discard = `
socket(my $audit, 16, 3, 9) or die $!;
setsockopt($audit, 1, 33, 8 * 1024 * 1024) or die $!;
my $status = pack('L10', 4, 0, 0, $$, (0) x 6);
send($audit, pack('LSSLL', 16 + length $status, 1001, 5, 1, 0) . $status, 0, pack('SSLL', 16, 0, 0, 0)) or die $!;
while (defined recv($audit, my $record, 65536, 0)) {}
`;

/** Starts one that owns audit, with the rules of the agent; ends with audit as it was. */
async function watching(
  rules: readonly string[],
  environment: NodeJS.ProcessEnv,
  start: (directory: string) => Started,
): Promise<Watching> {
  const before = auditStatus();
  const directory = mkdtempSync(join(tmpdir(), 'bench-auditd-'));
  const { output, command } = start(directory);
  prepareAudit(backlogLimit, backlogWait);
  const child = spawn('nice', ['-n', String(-niceness), ...command], {
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const files = new WrittenFiles([output]);
  const stop = async (): Promise<void> => {
    files.close();
    if (child.exitCode === null) child.kill('SIGTERM');
    await ended;
    restoreAudit(before);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const pid = child.pid ?? 0;
    const untilMs = performance.now() + 10_000;
    while (auditStatus()['pid'] !== String(pid)) {
      if (child.exitCode !== null || performance.now() > untilMs)
        throw new Error(`${command.join(' ')} did not take audit over: ${said.join('')}`);
      await wait(50);
    }
    setAuditRules(rules, pid);
    let tree: readonly number[] = [];
    return {
      pids() {
        if (tree.length < 2) tree = treeOf(pid);
        return tree;
      },
      told: (mark) => files.told(mark),
      bytes: () => ({ written: files.bytes, sent: 0, units: 0 }),
      found: (mark) => ({ written: files.found(mark), sent: [] }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

export const startAuditd = (
  programs: Programs,
  rules: readonly string[],
  withLaurel: boolean,
): Promise<Watching> =>
  watching(rules, programs.environment, (directory) => prepare(directory, programs, withLaurel));

export const startDiscarding = (rules: readonly string[]): Promise<Watching> =>
  watching(rules, process.env, (directory) => ({
    output: directory,
    command: ['perl', '-e', discard],
  }));
