import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { agentBundle } from './agent.js';
import type { Figures } from './measure.js';

/** Something that is there until it is ended. */
export interface Load {
  end(): Promise<void>;
}

/** A perl that says when its load is there, and ends, with all its children, when its input does. */
async function standing(script: string): Promise<Load> {
  const child = spawn('perl', ['-MSocket', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const lines = createInterface({ input: child.stdout });
  await Promise.race([
    once(lines, 'line'),
    ended.then(() => {
      throw new Error('A load for a curve could not be made: its process ended.');
    }),
  ]);
  return {
    async end() {
      child.stdin.end();
      await ended;
    },
  };
}

/** Processes that sleep. */
export const sleepers = (count: number): Promise<Load> =>
  standing(`
$| = 1;
my @children;
for (1 .. ${count}) {
  my $child = fork;
  die "fork: $!" unless defined $child;
  if ($child == 0) { close STDIN; close STDOUT; sleep; exit; }
  push @children, $child;
}
print "there\\n";
<STDIN>;
kill 'KILL', @children;
waitpid($_, 0) for @children;
`);

/**
 * Sockets of TCP: both ends of connections of processes with themselves, 400 in each, because a process may have few files
 * open; at the address 127.2.0.1.
 */
export const sockets = (count: number): Promise<Load> =>
  standing(`
$| = 1;
pipe(my $reader, my $writer) or die $!;
my @children;
for (1 .. ${count} / 400) {
  my $child = fork;
  die "fork: $!" unless defined $child;
  if ($child == 0) {
    close STDIN;
    close STDOUT;
    socket(my $server, PF_INET, SOCK_STREAM, 0) or die $!;
    bind($server, sockaddr_in(0, pack('C4', 127, 2, 0, 1))) or die $!;
    listen($server, 128) or die $!;
    my $address = getsockname($server);
    my @kept;
    for (1 .. 200) {
      socket(my $client, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
      connect($client, $address) or die "connect: $!";
      accept(my $other, $server) or die "accept: $!";
      push @kept, $client, $other;
    }
    close $writer;
    sleep;
    exit;
  }
  push @children, $child;
}
close $writer;
<$reader>;
print "there\\n";
<STDIN>;
kill 'KILL', @children;
waitpid($_, 0) for @children;
`);

/** CPU and peak of one program from its start to its end, as the kernel counts them for the shell that waited for it. */
async function costOf(
  command: readonly string[],
  prefix: readonly string[] = [],
): Promise<Figures> {
  const [program = 'perl', ...rest] = prefix;
  const args = prefix.length === 0 ? [] : [...rest, 'perl'];
  const child = spawn(
    program,
    [
      ...args,
      '-e',
      // `times` tells the CPU of children that have ended; their peak is in /proc only until then.
      `open(STDOUT, '>', '/dev/null'); my $peak = 0; my $pid = fork; if ($pid == 0) { exec @ARGV; die } use POSIX ':sys_wait_h'; while (waitpid($pid, WNOHANG) == 0) { if (open(my $f, '<', "/proc/$pid/status")) { while (<$f>) { $peak = $1 if /^VmHWM:\\s+(\\d+)/ && $1 > $peak } } select(undef, undef, undef, 0.02) } my ($u, $s, $cu, $cs) = times; print STDERR "cost $? ", ($cu + $cs) * 1000, " $peak\\n"`,
      ...command,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await once(child, 'close');
  const [, status, cpu, peak] = /^cost (\d+) ([\d.]+) (\d+)$/m.exec(text) ?? [];
  if (status === undefined || Number(status) > 256)
    throw new Error(`${command.join(' ')}: ${text}`);
  return {
    'ms of CPU': Number(cpu),
    'MB at the peak': Number(peak) / 1024,
  };
}

const collect = (name: string): readonly string[] => [
  process.execPath,
  agentBundle,
  'collect',
  name,
  '--json',
];

/** A look at so many users, in a mount namespace where /etc/passwd holds them. */
export function lookAtUsers(directory: string, count: number): Promise<Figures> {
  const file = join(directory, 'passwd');
  const users = Array.from(
    { length: count },
    (_, at) => `user${at}:x:${10_000 + at}:100::/home/user${at}:/bin/sh\n`,
  );
  writeFileSync(file, `root:x:0:0:root:/root:/bin/bash\n${users.join('')}`);
  chmodSync(file, 0o644);
  const script = `mount --bind ${file} /etc/passwd && exec "$@"`;
  return costOf(collect('LocalUsers'), ['unshare', '--mount', 'sh', '-c', script, 'sh']);
}

/** A look at the listening ports and their owners, with what is there now. */
export const lookAtPorts = (): Promise<Figures> => costOf(collect('ListeningPorts'));

/** A look at so many rules of nftables, in a network namespace that has them; of the agent, without the inventory process. */
export function lookAtFirewall(directory: string, count: number): Promise<Figures> {
  const rules = Array.from(
    { length: count },
    (_, at) => `    ip saddr 10.0.${at >> 8}.${at & 255} drop\n`,
  );
  const file = join(directory, 'rules.nft');
  const table = `table inet bench {\n  chain input {\n    type filter hook input priority 0;\n${rules.join('')}  }\n}\n`;
  writeFileSync(file, table);
  const inventory = join(dirname(agentBundle), 'iot-security-agent-inventory.cjs');
  const listening = join(directory, 'inventory');
  const script = `nft -f ${file} || exit 1
${process.execPath} ${inventory} --listen ${listening} & asked=$!
while [ ! -S ${listening}/firewall ]; do sleep 0.1; done
"$@"; kill $asked`;
  return costOf(
    [...collect('FirewallConfiguration'), '--inventory', listening],
    ['unshare', '--net', 'sh', '-c', script, 'sh'],
  );
}
