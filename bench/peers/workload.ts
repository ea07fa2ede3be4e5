import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';

/** What one run of a workload took of itself. */
export interface Run {
  readonly wallMs: number;
  /** Of the generator and all that it started: what a watcher has the kernel do within them is in it. */
  readonly cpuMs: number;
}

/**
 * Each program is started by the shell, which forks without copying (vfork), and ends at once. Its argument tells it from
 * all others.
 */
const programs = (mark: string, count: number, identities: number): readonly string[] => [
  'sh',
  '-c',
  `i=0; while [ $i -lt ${count} ]; do /bin/true ${mark}-$((i % ${identities})); i=$((i + 1)); done; times`,
];

/**
 * Connections of one process with itself, each to another of the addresses of loopback, so that no two are equal; both ends
 * are accepted and closed at once.
 */
const connections = `
use Socket;
socket(my $server, PF_INET, SOCK_STREAM, 0) or die $!;
bind($server, sockaddr_in(0, INADDR_ANY)) or die $!;
listen($server, 128) or die $!;
my ($port) = sockaddr_in(getsockname($server));
for my $number (0 .. $ARGV[0] - 1) {
  socket(my $client, PF_INET, SOCK_STREAM, 0) or die $!;
  connect($client, sockaddr_in($port, pack('C4', 127, 1, $number >> 8, $number & 255))) or die $!;
  accept(my $other, $server) or die $!;
  close($client);
  close($other);
}
printf("0m%fs 0m%fs\\n0m%fs 0m%fs\\n", times);
`;

/** The fastest of three turns, in nanoseconds a call; a new process, which alone has what is set for new processes. */
const calls = `
use Time::HiRes 'time';
my $best = 1e9;
for my $turn (1 .. 3) {
  my $began = time;
  getppid() for 1 .. 300_000;
  my $took = (time - $began) / 300_000 * 1e9;
  $best = $took if $took < $best;
}
print "$best\\n";
`;

/** Programs at a steady pace, whose argument tells when each was started, in microseconds since 1970. */
const paced = (mark: string, count: number, perSecond: number): string => `
use Time::HiRes qw(time sleep);
my $next = time;
for my $number (1 .. ${count}) {
  my $child = fork;
  if ($child == 0) { exec('/bin/true', sprintf('${mark}-%d', time * 1e6)); }
  waitpid($child, 0);
  $next += ${1 / perSecond};
  my $rest = $next - time;
  sleep($rest) if $rest > 0;
}
`;

/** What it printed; rejects with what it said when it failed. Not nice, whatever this process is. */
export function output(command: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('nice', ['-n', String(-niceness), ...command], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const texts = { out: '', error: '' };
    child.stdout.on('data', (chunk: Buffer) => (texts.out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (texts.error += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(texts.out);
      else
        reject(new Error(`${command[0] ?? ''} ended with ${code ?? 'a signal'}: ${texts.error}`));
    });
  });
}

/** Of this process, which plays the hub and shall take no processor from what is measured. */
export const niceness = 5;

async function timed(command: readonly string[]): Promise<Run> {
  const began = performance.now();
  const text = await output(command);
  const wallMs = performance.now() - began;
  const cpuMs = [...text.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60_000 + Number(seconds) * 1000,
    0,
  );
  return { wallMs, cpuMs };
}

/** Starts `count` programs `<mark>-<n>` flat out, of so many different ones. */
export const runPrograms = (mark: string, count: number, identities = count): Promise<Run> =>
  timed(programs(mark, count, identities));

/** From a file, because the agent tells the command line of a connection, and whole programs in it are rare. */
export async function runConnections(count: number): Promise<Run> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-connect-'));
  try {
    const file = join(directory, 'connect.pl');
    writeFileSync(file, connections);
    return await timed(['perl', file, String(count)]);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Starts programs `<mark>-<microseconds>`. */
export const runPaced = (mark: string, count: number, perSecond: number): Promise<string> =>
  output(['perl', '-e', paced(mark, count, perSecond)]);

/** Nanoseconds of one `getppid`, with the loop around it. */
export const nsOfCall = async (): Promise<number> => Number(await output(['perl', '-e', calls]));
